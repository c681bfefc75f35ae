package login

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io"
	"os"
	"slices"
)

// tpmSeals are how systemd-creds begins what it sealed to a TPM, alone or with the key of
// the machine (CRED_AES256_GCM_BY_… in systemd's creds-util.h).
func tpmSeals() []string {
	return []string{
		"0c7cc07b117645919c4b0bea08bc20fe", // TPM2_HMAC
		"faf7eb9341e3412ca1a436f95a29362f", // TPM2_HMAC_WITH_PK
		"93a894094874449090caf2fc93cab553", // HOST_AND_TPM2_HMAC
		"ef4ac13679a9480ea7db68897f9f165d", // HOST_AND_TPM2_HMAC_SCOPED
		"af4950a849134eb1a73846304ff30c05", // HOST_AND_TPM2_HMAC_WITH_PK
		"adbc4ca3efb64201ba881b6f2e4095ea", // HOST_AND_TPM2_HMAC_WITH_PK_SCOPED
	}
}

// NeedsTPM says of a credential whether it opens on this machine's TPM alone, so that a
// copy of the disk does not open it. What cannot be read, or is sealed in a way that is not
// known here, does not.
func (w *Way) NeedsTPM() bool {
	if w.sealed == "" {
		return false
	}
	f, err := os.Open(w.sealed)
	if err != nil {
		return false
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 64))
	return err == nil && sealedToTPM(text)
}

// sealedToTPM looks at the first 16 bytes of a credential, which is base64 in lines.
func sealedToTPM(text []byte) bool {
	const head = 24 // characters, of which 22 are the 16 bytes
	text = bytes.ReplaceAll(text, []byte("\n"), nil)
	if len(text) < head {
		return false
	}
	seal, err := base64.StdEncoding.DecodeString(string(text[:head]))
	return err == nil && slices.Contains(tpmSeals(), hex.EncodeToString(seal[:16]))
}
