package campaign_test

import (
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
	"bfxvault/vault/policy"
)

// P1, A49: every RPC of both services, as it should be and with a secret in each of
// its fields, before there is a vault, while it is unlocked and while it is locked.
func TestNoRPCRepeatsASecret(t *testing.T) {
	t.Parallel()
	for _, shape := range shapes() {
		t.Run(shape, func(t *testing.T) {
			t.Parallel()
			h := newHunt(t, shape)
			copy(h.kek[:], h.canaryOf("the KEK", mixed))
			h.start()
			h.everyRPC("not initialised")
			h.setUp()
			h.everyRPC("unlocked")
			h.secretsWithAProof()
			h.secretsToSign()
			h.secretsSigned()
			h.secretsInAPanic()
			h.everyRPC("locked")
			must(t, h.admin().unlock())
			h.well("Status", h.dialTo(false), &pb.StatusRequest{})
			h.lastRequests()
			h.settingsAccepted()
			h.search()
		})
	}
}

// setUp makes the vault whose API secret and KEK are canaries, where they belong: the
// bot mm-1, which is this process, may use main and, narrowly, strict.
func (h *hunt) setUp() {
	h.t.Helper()
	a := h.admin()
	must(h.t, a.init(), a.addBot(botName, me()))
	for _, label := range []string{"main", "strict"} {
		must(h.t, a.addKey(label, h.canaryOf("the API secret of "+label, mixed)))
	}
	must(h.t, a.grant(botName, "main"), a.grantSpec(`{"key":"strict","allow":["read","trade","withdraw","funding"],"symbols":["tBTCUSD"],`+
		`"aff_codes":["ours"],"withdraw":{"addresses":["1ours"],"max":{"BTC":"1"}}}`))
}

// grantSpec is grant with a grant as JSON.
func (a *admin) grantSpec(text string) error {
	spec, err := vault.ParseGrant([]byte(text))
	if err != nil {
		return err
	}
	proof, err := a.prove(vault.SetGrant{Bot: botName, Grant: spec}.Operation())
	if err != nil {
		return err
	}
	_, err = a.SetGrant(a.ctx, &pb.SetGrantRequest{Bot: botName, Spec: text, Proof: proof})
	return err
}

// rpcs are the requests of every RPC, as they should be but for proof and sealed box,
// which are of a one-shot key that there never was.
func rpcs() map[string]proto.Message {
	uid := me()
	proof := func() *pb.Proof { return &pb.Proof{Id: 1 << 40, Slot: 1, Mac: make([]byte, 32)} }
	sealed := func() *pb.Sealed { return &pb.Sealed{Id: 1 << 40, Box: make([]byte, 112)} }
	rest := &pb.SignRestRequest{Label: "main", Path: orderPath, Body: []byte(orderBody), Bot: botName}
	return map[string]proto.Message{
		"SignRest":      rest,
		"SignRestV1":    &pb.SignRestV1Request{Label: "main", Path: "v1/balances", Params: []byte(`{}`), Bot: botName},
		"SignStream":    &pb.SignStreamRequest{Id: 7, Request: &pb.SignStreamRequest_Rest{Rest: rest}},
		"ReportOrder":   &pb.ReportOrderRequest{StandIn: "bfxv_", AuditSeq: 1, Orders: []*pb.PlacedOrder{{Id: 1, Cid: 2, Symbol: "tBTCUSD"}}},
		"WhoAmI":        &pb.WhoAmIRequest{},
		"Status":        &pb.StatusRequest{},
		"ListSlots":     &pb.ListSlotsRequest{},
		"BeginSealed":   &pb.BeginSealedRequest{},
		"BeginProof":    &pb.BeginProofRequest{},
		"Init":          &pb.InitRequest{Params: &pb.Argon2Params{Time: 3, MemoryKib: 64 << 10, Threads: 4}, Salt: make([]byte, 16), Kek: sealed()},
		"Unlock":        &pb.UnlockRequest{Slot: 1, Kek: sealed()},
		"Lock":          &pb.LockRequest{},
		"AddKey":        &pb.AddKeyRequest{Label: "new", ApiKey: "KEY-new", Permissions: []string{"read"}, Secret: sealed(), Proof: proof()},
		"RotateKey":     &pb.RotateKeyRequest{Label: "main", ApiKey: "KEY-next", Secret: sealed(), Proof: proof()},
		"SignProbe":     &pb.SignProbeRequest{Label: "none"},
		"NoteVerified":  &pb.NoteVerifiedRequest{Label: "none", Version: 1, Scopes: []*pb.Scope{{Name: "orders", Read: true}}},
		"PromoteKey":    &pb.PromoteKeyRequest{Label: "main", Proof: proof()},
		"RetireKey":     &pb.RetireKeyRequest{Label: "none"},
		"RevokeKey":     &pb.RevokeKeyRequest{Label: "none"},
		"PurgeKey":      &pb.PurgeKeyRequest{Label: "main", Proof: proof()},
		"Panic":         &pb.PanicRequest{CancelAll: true, Proof: proof()},
		"SetPanic":      &pb.SetPanicRequest{CancelAll: true, Proof: proof()},
		"AddSlot":       &pb.AddSlotRequest{Kind: "keyfile", By: 1, Keks: sealed()},
		"ReplaceSlot":   &pb.ReplaceSlotRequest{Slot: 1, Params: &pb.Argon2Params{Time: 3, MemoryKib: 64 << 10, Threads: 4}, Salt: make([]byte, 16), Keks: sealed(), By: 1},
		"RemoveSlot":    &pb.RemoveSlotRequest{Slot: 1, Proof: proof()},
		"RotateDataKey": &pb.RotateDataKeyRequest{Proof: proof()},
		"CreateBackup":  &pb.CreateBackupRequest{},
		"RestoreBackup": &pb.RestoreBackupRequest{Slot: 1, Kek: sealed(), Digest: make([]byte, 32), Data: make([]byte, 64)},
		"ListKeys":      &pb.ListKeysRequest{},
		"ShowKey":       &pb.ShowKeyRequest{Label: "main"},
		"AddBot":        &pb.AddBotRequest{Name: "new", Matches: []*pb.Match{{Uid: &uid}}, Proof: proof()},
		"ListBots":      &pb.ListBotsRequest{},
		"ShowBot":       &pb.ShowBotRequest{Name: botName},
		"RemoveBot":     &pb.RemoveBotRequest{Name: "nobody"},
		"EnableBot":     &pb.EnableBotRequest{Name: botName, Proof: proof()},
		"IssueStandIn":  &pb.IssueStandInRequest{Bot: botName, Label: "main", Id: "bfxv_" + strings.Repeat("a", 32), Secret: sealed(), Uid: &uid, Proof: proof()},
		"ListStandIns":  &pb.ListStandInsRequest{},
		"RecallStandIn": &pb.RecallStandInRequest{Bot: botName, Id: "bfxv_" + strings.Repeat("a", 32)},
		"SetGrant":      &pb.SetGrantRequest{Bot: botName, Spec: `{"key":"main","allow":["read"]}`, Proof: proof()},
		"RevokeGrant":   &pb.RevokeGrantRequest{Bot: botName, Label: "none"},
		"ShowPolicy":    &pb.ShowPolicyRequest{},
		"ApplyPolicy":   &pb.ApplyPolicyRequest{Policy: `{}`, Proof: proof()},
		"ShowAudit":     &pb.ShowAuditRequest{},
		"ShowNonce":     &pb.ShowNonceRequest{Label: "main"},
		"AcceptNonce":   &pb.AcceptNonceRequest{Label: "main", Proof: proof()},
	}
}

// everyRPC calls each method that a descriptor has: as it should be, and with a secret
// in each field in turn, which must be refused.
func (h *hunt) everyRPC(state string) {
	h.t.Helper()
	cases := rpcs()
	for _, file := range []protoreflect.FileDescriptor{pb.File_bfxvault_v1_signer_proto, pb.File_bfxvault_v1_admin_proto} {
		conn := h.dialTo(file == pb.File_bfxvault_v1_signer_proto)
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			for j := range methods.Len() {
				method := methods.Get(j)
				request := cases[string(method.Name())]
				if request == nil || request.ProtoReflect().Descriptor() != method.Input() {
					h.t.Errorf("%s: give it a case here: what a secret in each of its fields comes to", method.FullName())
					continue
				}
				delete(cases, string(method.Name()))
				h.oneRPC(state, conn, method, request)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		h.t.Errorf("there is no RPC %s", name)
	}
}

func (h *hunt) oneRPC(state string, conn *grpc.ClientConn, method protoreflect.MethodDescriptor, request proto.Message) {
	h.t.Helper()
	if method.Name() == "Panic" && state == "unlocked" {
		return // secretsInAPanic: whatever it is given, it locks
	}
	if name := method.Name(); name != "Lock" || state == "locked" {
		_, _ = h.call(state+": "+string(name), conn, method, request) // heard; refused or not
	}
	for _, place := range placesOf(method.Input(), "") {
		if state == "locked" && strings.HasPrefix(string(method.Name()), "SignStream") {
			continue // two shapes of one request, refused before it is looked at
		}
		broken := proto.Clone(request)
		put(broken.ProtoReflect(), strings.Split(place, "."), h.canary(string(method.Name())+" "+place))
		where := fmt.Sprintf("%s: %s with a secret as %s", state, method.Name(), place)
		answer, err := h.call(where, conn, method, broken)
		if already, ok := answer.(interface{ GetAlready() bool }); err == nil && !(ok && already.GetAlready()) {
			h.t.Errorf("%s: was accepted, and so made public", where)
		}
	}
}

// secretsInAPanic gives a panic a secret where its proof should be: it is done all the
// same, without what needs one, and the vault locked.
func (h *hunt) secretsInAPanic() {
	h.t.Helper()
	conn := h.dialTo(false)
	proof := &pb.Proof{Id: 1, Slot: 1, Mac: []byte(h.canary("the proof of a panic"))}
	h.well("Panic", conn, &pb.PanicRequest{CancelAll: true, Proof: proof})
	if state := h.admin().status(h.t).GetState(); state != "locked" {
		h.t.Errorf("after a panic the vault is %s", state)
	}
}

// lastRequests are those that a lock and a panic sign, where all is as it should be.
func (h *hunt) lastRequests() {
	h.t.Helper()
	a, conn := h.admin(), h.dialTo(false)
	h.well("Lock", conn, &pb.LockRequest{Burn: true})
	must(h.t, a.unlock())
	proof, err := a.prove(vault.Panic{CancelAll: true}.Operation())
	must(h.t, err)
	stopped, err := a.Panic(a.ctx, &pb.PanicRequest{CancelAll: true, Proof: proof})
	must(h.t, err)
	h.hearAnswer("a panic that cancels", stopped, nil)
	if stopped.GetRefused() != "" || len(stopped.GetRequests()) == 0 {
		h.t.Errorf("nothing was cancelled: %v", stopped)
	}
	must(h.t, a.unlock())
}

// settingsAccepted takes a setting away. The refusal names it, and says nothing of what
// stood there.
func (h *hunt) settingsAccepted() {
	h.t.Helper()
	h.stop(h.t)
	h.configure(`anchor = "` + filepath.Join(h.files, h.canary("an anchor")) + "\"\n")
	h.start()
	must(h.t, h.admin().unlock())
	h.stop(h.t)
	h.configure("")
	h.start()
	err := h.admin().unlockStrictly()
	want(h.t, "unlock without the anchor", err, "CONFIG_LAXER")
	h.hearAnswer("unlock without the anchor", &pb.UnlockResponse{}, err)
	must(h.t, h.admin().unlock())
}

// placesOf lists the fields that can hold a text, those of messages within included.
func placesOf(m protoreflect.MessageDescriptor, before string) (places []string) {
	for i := range m.Fields().Len() {
		field := m.Fields().Get(i)
		switch place := before + string(field.Name()); field.Kind() {
		case protoreflect.StringKind, protoreflect.BytesKind:
			places = append(places, place)
		case protoreflect.MessageKind:
			places = append(places, placesOf(field.Message(), place+".")...)
		}
	}
	return places
}

// put puts a secret into one field: as long as what stands there, where its length
// is fixed.
func put(m protoreflect.Message, path []string, secret string) {
	field := m.Descriptor().Fields().ByName(protoreflect.Name(path[0]))
	switch {
	case field.Kind() == protoreflect.MessageKind && field.IsList():
		put(m.Mutable(field).List().AppendMutable().Message(), path[1:], secret)
	case field.Kind() == protoreflect.MessageKind:
		put(m.Mutable(field).Message(), path[1:], secret)
	case field.IsList():
		m.Mutable(field).List().Append(protoreflect.ValueOfString(secret))
	case field.Kind() == protoreflect.StringKind:
		m.Set(field, protoreflect.ValueOfString(secret))
	default:
		if n := len(m.Get(field).Bytes()); n == 16 || n == 32 {
			secret = (secret + secret)[:n]
		}
		m.Set(field, protoreflect.ValueOfBytes([]byte(secret)))
	}
}

// call calls one method and hears the answer, whatever it is. Of a stream, an error in
// its answer counts as the call's.
func (h *hunt) call(where string, conn *grpc.ClientConn, method protoreflect.MethodDescriptor, request proto.Message) (proto.Message, error) {
	h.t.Helper()
	if method.Parent().Name() == "SignerService" && strings.HasPrefix(string(method.Name()), "Sign") && !strings.HasPrefix(where, "not initialised") {
		h.pace() // without a vault there is no record
	}
	kind, err := protoregistry.GlobalTypes.FindMessageByName(method.Output().FullName())
	must(h.t, err)
	answer := kind.New().Interface()
	path := fmt.Sprintf("/%s/%s", method.Parent().FullName(), method.Name())
	var header, trailer metadata.MD
	if method.IsStreamingClient() || method.IsStreamingServer() {
		err = exchange(h.t, conn, path, method, request, answer)
		if s, ok := answer.(*pb.SignStreamResponse); ok && s.GetError() != nil {
			err = status.ErrorProto(s.GetError())
		}
	} else {
		err = conn.Invoke(h.t.Context(), path, request, answer, grpc.Header(&header), grpc.Trailer(&trailer))
	}
	h.hearAnswer(where, answer, err)
	h.hear(where, fmt.Append(nil, header, trailer))
	return answer, err
}

func (h *hunt) hearAnswer(where string, answer proto.Message, err error) {
	h.t.Helper()
	text, marshalErr := proto.Marshal(answer)
	must(h.t, marshalErr)
	h.hear(where, text)
	if err != nil {
		text, marshalErr = proto.Marshal(status.Convert(err).Proto())
		must(h.t, marshalErr)
		h.hear(where, append(text, err.Error()...))
	}
}

// exchange sends one request over a stream and takes one answer.
func exchange(t testing.TB, conn *grpc.ClientConn, path string, method protoreflect.MethodDescriptor, request, answer proto.Message) error {
	t.Helper()
	stream, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: method.IsStreamingServer(), ClientStreams: method.IsStreamingClient()}, path)
	if err != nil {
		return err
	}
	if err := stream.SendMsg(request); err != nil && err != io.EOF { // the answer says why
		return err
	}
	if method.IsStreamingClient() && method.IsStreamingServer() {
		defer stream.CloseSend() // after the answer
	} else if err := stream.CloseSend(); err != nil {
		return err
	}
	return stream.RecvMsg(answer)
}

// well is a request that must go well, and is heard.
func (h *hunt) well(name string, conn *grpc.ClientConn, request proto.Message) {
	h.t.Helper()
	method := pb.File_bfxvault_v1_admin_proto.Services().Get(0).Methods().ByName(protoreflect.Name(name))
	_, err := h.call(name, conn, method, request)
	must(h.t, err)
}

// dialTo is a new connection to sign.sock, or to admin.sock.
func (h *hunt) dialTo(sign bool) *grpc.ClientConn {
	h.t.Helper()
	if sign {
		return dial(h.t, h.paths.SignSocket(), 0)
	}
	return dial(h.t, h.paths.AdminSocket(), 0)
}

// refusal hears an answer that must be a refusal.
func (h *hunt) refusal(where string, answer proto.Message, err error) {
	h.t.Helper()
	h.hearAnswer(where, answer, err)
	if err == nil {
		h.t.Errorf("%s: was accepted, and so made public", where)
	}
}

// secretsWithAProof are operations whose proof is right, so that all of what they hold
// is looked at.
func (h *hunt) secretsWithAProof() {
	h.t.Helper()
	a := h.admin()
	for _, place := range slices.Sorted(maps.Keys(grantSpecs())) {
		text := strings.ReplaceAll(grantSpecs()[place], "CANARY", h.canary("a grant's "+place))
		request := &pb.SetGrantRequest{Bot: botName, Spec: text, Proof: rpcs()["SetGrant"].(*pb.SetGrantRequest).GetProof()}
		policyText := `{"` + botName + `":{"match":[{"uid":1}],"grants":[` + text + `]}}`
		apply := &pb.ApplyPolicyRequest{Policy: policyText, Proof: request.GetProof()}
		var err error
		if spec, parseErr := vault.ParseGrant([]byte(text)); parseErr == nil {
			request.Proof, err = a.prove(vault.SetGrant{Bot: botName, Grant: spec}.Operation())
			must(h.t, err)
		}
		answer, err := a.SetGrant(a.ctx, request)
		h.refusal("grant with a secret as "+place, answer, err)
		h.apply(a, "a policy whose grant has a secret as "+place, apply)
	}
	for place, text := range map[string]string{
		"bot": `{"CANARY ":{"match":[{"uid":1}]}}`, "role": `{"b":{"match":[{"uid":1}],"role":"CANARY"}}`,
		"exe": `{"b":{"match":[{"exe":"CANARY"}]}}`, "path": `{"b":{"match":[{"exe":"/opt/CANARY/../x"}]}}`,
		"unit": `{"b":{"match":[{"unit":"/system.slice/CANARY"}]}}`, "slice": `{"b":{"match":[{"unit":"/CANARY.slice/CANARY-x.slice/x.service"}]}}`,
		"field": `{"b":{"CANARY":1}}`, "sum": `{"b":{"match":[{"sha256":"CANARY"}]}}`, "no JSON": `{"b":CANARY`,
		"doubled": `{"b":{"grants":[{"key":"CANARY","allow":["read"]},{"key":"CANARY","allow":["read"]}]}}`,
	} {
		h.apply(a, "a policy with a secret as "+place, &pb.ApplyPolicyRequest{
			Policy: strings.ReplaceAll(text, "CANARY", h.canary("a policy's "+place)), Proof: &pb.Proof{Id: 1 << 40, Slot: 1, Mac: make([]byte, 32)},
		})
	}
	h.names(a)
	h.boxes(a)
	h.versions(a)
}

// versions gives an API key a second version, and takes it away again.
func (h *hunt) versions(a *admin) {
	h.t.Helper()
	conn := h.dialTo(false)
	must(h.t, a.stage("strict", h.canaryOf("the API secret of a version", mixed)))
	h.well("SignProbe", conn, &pb.SignProbeRequest{Label: "strict", Version: 2})
	h.well("RevokeKey", conn, &pb.RevokeKeyRequest{Label: "strict", Version: 2})
	must(h.t, a.promoteVersion("strict", 2), a.promoteVersion("strict", 1))
	h.well("RevokeKey", conn, &pb.RevokeKeyRequest{Label: "strict", Version: 2})
	must(h.t, a.purge("strict"))
}

// apply applies a policy that must be refused, with the proof for it where it can be
// read at all.
func (h *hunt) apply(a *admin, where string, request *pb.ApplyPolicyRequest) {
	h.t.Helper()
	if bots, err := vault.ParsePolicy([]byte(request.GetPolicy())); err == nil {
		request.Proof, err = a.prove(vault.ApplyPolicy{Bots: bots}.Operation())
		must(h.t, err)
	}
	answer, err := a.ApplyPolicy(a.ctx, request)
	h.refusal(where, answer, err)
}

// grantSpecs are grants that are refused, by what of them is secret. The space makes it
// no word of any grammar: what is one is accepted, and listed.
func grantSpecs() map[string]string {
	texts := map[string]string{
		"key": `{"key":"CANARY","allow":["read"]}`, "field": `{"key":"main","CANARY":true}`, "text": `CANARY`,
	}
	for field, value := range map[string]string{
		"endpoints": `["CANARY"]`, "extra_fields": `["CANARY "]`, "symbols": `["CANARY"]`, "order_types": `["CANARY"]`,
		"flags": `["CANARY"]`, "max_order": `{"CANARY":"1"}`, "max_notional": `{"USD":"CANARY"}`, "daily_notional": `{"CANARY":"1"}`,
		"price_band": `{"CANARY":{"reference":"1","percent":"1"}}`, "rate": `{"per_second":"CANARY"}`, "expires": `"CANARY"`,
		"hours": `"CANARY"`, "aff_codes": `["CANARY "]`, "withdraw": `{"addresses":["CANARY "]}`,
	} {
		texts[field] = `{"key":"main","allow":["withdraw"],"` + field + `":` + value + `}`
	}
	texts["allow"] = `{"key":"main","allow":["CANARY"]}`
	texts["days"] = `{"key":"main","allow":["read"],"hours":"CANARY 08:00-18:00 UTC"}`
	texts["span"] = `{"key":"main","allow":["read"],"hours":"Mon CANARY UTC"}`
	texts["zone"] = `{"key":"main","allow":["read"],"hours":"Mon 08:00-18:00 CANARY"}`
	return texts
}

// names are operations about something that there is not, with the right proof.
func (h *hunt) names(a *admin) {
	h.t.Helper()
	accept := vault.AcceptNonce{Label: h.canary("nonce accept of")}
	proof, err := a.prove(accept.Operation())
	must(h.t, err)
	answer, err := a.AcceptNonce(a.ctx, &pb.AcceptNonceRequest{Label: accept.Label, Proof: proof})
	h.refusal("nonce accept", answer, err)

	enable := vault.EnableBot{Name: h.canary("bot enable of")}
	proof, err = a.prove(enable.Operation())
	must(h.t, err)
	enabled, err := a.EnableBot(a.ctx, &pb.EnableBotRequest{Name: enable.Name, Proof: proof})
	h.refusal("bot enable", enabled, err)

	for place, match := range map[string]policy.Match{
		"unit": {Unit: "/system.slice/" + h.canary("a bot's unit")}, "slice": {Unit: "/" + h.canary("a bot's slice") + "-x.slice/x.service"},
		"service": {Unit: "/system.slice/" + h.canary("a bot's service") + ".service/below"},
		"exe":     {Exe: h.canary("a bot's exe")}, "path": {Exe: "/opt/" + h.canary("a bot's path") + "/../x"},
	} {
		bot := vault.AddBot{Name: h.canaryOf("a bot with a bad "+place, named), Match: []policy.Match{match}}
		proof, err = a.prove(bot.Operation())
		must(h.t, err)
		added, err := a.AddBot(a.ctx, &pb.AddBotRequest{Name: bot.Name, Matches: []*pb.Match{{Unit: match.Unit, Exe: match.Exe}}, Proof: proof})
		h.refusal("bot add with a secret as "+place, added, err)
	}
}

// boxes are API keys whose secret is sealed well and good for nothing, and one wrong
// proof, with a secret for its MAC.
func (h *hunt) boxes(a *admin) {
	h.t.Helper()
	add := func(where string, r vault.AddKey, purpose vault.Operation, secret string, spoil func(*pb.Proof)) {
		h.t.Helper()
		box, err := a.seal(purpose, []byte(secret))
		must(h.t, err)
		r.Secret, r.Permissions = box, policy.Read
		proof, err := a.prove(r.Operation())
		must(h.t, err)
		spoil(proof)
		answer, err := a.AddKey(a.ctx, &pb.AddKeyRequest{Label: r.Label, ApiKey: r.APIKey, Permissions: []string{"read"}, Secret: wire(box), Proof: proof})
		h.refusal("key add with "+where, answer, err)
	}
	asIs := func(*pb.Proof) {}
	purpose := func(r vault.AddKey) vault.Operation { r.Permissions = policy.Read; return r.Purpose() }

	other := vault.AddKey{Label: "new", APIKey: "KEY-new"}
	add("a box for another operation", other, vault.Unlock{Slot: 1}.Purpose(), h.canary("a box for another operation"), asIs)
	add("a secret that is not one word", other, purpose(other), h.canary("a secret with a space")+" "+h.canary("a second word"), asIs)
	add("a secret that is too long", other, purpose(other), strings.Repeat(h.canary("a secret that is too long"), 20), asIs)
	taken := vault.AddKey{Label: "main", APIKey: h.canary("an API key id under a label that is taken")}
	add("a label that is taken", taken, purpose(taken), h.canary("a secret under a label that is taken"), asIs)
	twice := vault.AddKey{Label: h.canaryOf("a label for a known API key", named), APIKey: idOf("main")}
	add("an API key that is known", twice, purpose(twice), h.canary("a secret of a known API key"), asIs)
	add("a wrong proof", other, purpose(other), h.canary("a secret with a wrong proof"), func(p *pb.Proof) {
		copy(p.Mac, h.canary("the MAC of a proof"))
	})
}
