package client_test

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"bfxvault/api/client"
	pb "bfxvault/proto/bfxvault/v1"
)

// What a stock client has signed reaches vaultd as it came.
func TestAStandInReachesVaultdAsItCame(t *testing.T) {
	v := &vaultd{}
	uid := uint32(1001)
	standIn := &client.StandIn{ID: "bfxv_a", Nonce: "1700000000000", Signature: "ab", UID: &uid, Retries: 7}
	if _, err := dial(t, v).SignRest(t.Context(), client.Request{Path: "v2/auth/r/wallets", StandIn: standIn}); err != nil {
		t.Fatal(err)
	}
	got := v.last.Load()
	s := got.GetStandIn()
	if got.GetLabel() != "" || s.GetId() != "bfxv_a" || s.GetNonce() != "1700000000000" || s.GetSignature() != "ab" || s.Uid == nil || s.GetUid() != uid || s.GetRetries() != 7 {
		t.Errorf("%v", got)
	}
}

// v1 is a vaultd that answers one thing to REST v1.
type v1 struct {
	vaultd
	says pb.SignRestV1Response
	last *pb.SignRestV1Request
}

func (v *v1) SignRestV1(_ context.Context, r *pb.SignRestV1Request) (*pb.SignRestV1Response, error) {
	v.last = r
	return &v.says, nil
}

func TestOnlyAPayloadThatFitsAHeaderIsTaken(t *testing.T) { // A19
	good := base64.StdEncoding.EncodeToString([]byte(`{"request":"/v1/balances"}`))
	for _, payload := range []string{good, "", "x\r\nevil: 1", "a b", strings.Repeat("A", 128<<10+4)} {
		v := &v1{}
		v.says.ApiKey, v.says.RequestNonce, v.says.Signature, v.says.Payload = "key", 1_700_000_000_000_000, strings.Repeat("a", 96), payload
		signed, err := dialAny(t, v).SignRestV1(t.Context(), client.Request{Path: "v1/balances", StandIn: &client.StandIn{ID: "bfxv_a", Payload: good}})
		if payload == good {
			if err != nil || signed.Payload != good || v.last.GetPayload() != good || v.last.GetStandIn().GetId() != "bfxv_a" {
				t.Errorf("%v, %v", signed, err)
			}
		} else if !errors.Is(err, client.ErrBadAnswer) {
			t.Errorf("%.20q was taken: %v", payload, err)
		}
	}
}
