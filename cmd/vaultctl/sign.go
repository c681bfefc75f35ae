package main

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	pb "bfxvault/proto/bfxvault/v1"
)

func (a *app) sign() *cobra.Command {
	var body, bodyFile, bot string
	c := &cobra.Command{
		Use:   "sign LABEL PATH",
		Short: "Ask for a signature, as a bot would",
		Long: "Ask for the signature of one request over sign.sock, as a bot would, and print\n" +
			"the headers to send it with.",
		Example: "  vaultctl sign main v2/auth/r/wallets --body '{}'",
		Args:    exactly(2), ValidArgsFunction: a.completeLabels,
		RunE: func(c *cobra.Command, args []string) error {
			text, err := a.body(body, bodyFile)
			if err != nil {
				return err
			}
			return a.runSign(c.Context(), &pb.SignRestRequest{Label: args[0], Path: args[1], Body: text, Bot: bot})
		},
	}
	c.Flags().StringVar(&body, "body", "", "the body, exactly as it will be sent")
	c.Flags().StringVar(&bodyFile, "body-file", "", "read the body from a file; - is standard input")
	c.Flags().StringVar(&bot, "bot", "", "which bot to be, where several match")
	c.MarkFlagsMutuallyExclusive("body", "body-file")
	return c
}

// maxBody is more than the vault signs, so that it is the vault that says so.
const maxBody = 72 << 10

func (a *app) body(text, file string) ([]byte, error) {
	if file == "" {
		return []byte(text), nil
	}
	return a.input(file, maxBody)
}

func (a *app) runSign(ctx context.Context, r *pb.SignRestRequest) error {
	p, err := a.paths()
	if err != nil {
		return err
	}
	conn, err := dialSign(p.SignSocket())
	if err != nil {
		return err
	}
	defer conn.Close()
	signer := pb.NewSignerServiceClient(conn)
	if strings.HasPrefix(r.Path, "v1/") {
		signed, err := signer.SignRestV1(ctx, &pb.SignRestV1Request{Label: r.Label, Path: r.Path, Params: r.Body, Bot: r.Bot})
		if err != nil {
			return err
		}
		return a.reportSigned(map[string]string{
			"x-bfx-apikey": signed.GetApiKey(), "x-bfx-payload": signed.GetPayload(), "x-bfx-signature": signed.GetSignature(),
		}, "", signed.GetKeyVersion(), signed.GetAuditSeq())
	}
	signed, err := signer.SignRest(ctx, r)
	if err != nil {
		return err
	}
	return a.reportSigned(map[string]string{
		"bfx-apikey": signed.GetApiKey(), "bfx-nonce": strconv.FormatUint(signed.GetRequestNonce(), 10), "bfx-signature": signed.GetSignature(),
	}, string(r.Body), signed.GetKeyVersion(), signed.GetAuditSeq())
}

func (a *app) reportSigned(headers map[string]string, body string, version uint32, seq uint64) error {
	return a.report(map[string]any{"headers": headers, "body": body, "key_version": version, "audit_seq": seq}, func() {
		names := make([]string, 0, len(headers))
		for name := range headers {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			a.printf("%s: %s\n", name, headers[name])
		}
	})
}
