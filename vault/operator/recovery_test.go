package operator

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// goldenCode was drawn by this version, for no vault.
const goldenCode = "NZZMW-60CMB-2XM9B-HCXGJ-53NGH-W1X2A-E26NP-P1HXY"

func TestARecoveryCodeIsReadAsItIsTyped(t *testing.T) {
	seen := map[string]bool{}
	for range 200 {
		code := NewRecoveryCode()
		text := string(code.AppendGroups(nil))
		if len(text) != RecoveryTextSize || strings.Count(text, "-") != 7 || seen[text] {
			t.Fatalf("a code is %d characters, or was drawn before", len(text))
		}
		seen[text] = true
		for name, typed := range map[string]string{
			"as it is written":   text,
			"in lower case":      strings.ToLower(text),
			"without hyphens":    strings.ReplaceAll(text, "-", ""),
			"with spaces":        " " + strings.ReplaceAll(text, "-", "  ") + "\r\n",
			"with O for 0":       strings.ReplaceAll(text, "0", "O"),
			"with l and I for 1": strings.Replace(strings.ReplaceAll(text, "1", "l"), "l", "I", 1),
		} {
			if got, err := ParseRecoveryCode([]byte(typed)); err != nil || *got != *code {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// Each wrong digit and each two swapped are told from a right code, before Argon2id runs.
func TestEveryTypingErrorInARecoveryCodeIsSeen(t *testing.T) {
	code := NewRecoveryCode()
	tried := 0
	for at := range code {
		for _, digit := range []byte(recoveryAlphabet) {
			wrong := *code
			wrong[at] = digit
			wantMistyped(t, code, &wrong, &tried)
		}
		for other := range at {
			wrong := *code
			wrong[at], wrong[other] = wrong[other], wrong[at]
			wantMistyped(t, code, &wrong, &tried)
		}
	}
	if tried < 40*31+400 {
		t.Errorf("only %d were tried", tried)
	}
}

func wantMistyped(t *testing.T, code, wrong *RecoveryCode, tried *int) {
	t.Helper()
	if *wrong == *code {
		return
	}
	*tried++
	if got, err := ParseRecoveryCode(wrong[:]); got != nil || !errors.Is(err, ErrMistyped) {
		t.Errorf("an error went unseen: %v", err)
	}
}

func TestWhatIsNoRecoveryCodeIsSaid(t *testing.T) {
	code := NewRecoveryCode()
	text := code.AppendGroups(nil)
	for name, bad := range map[string][]byte{
		"nothing": nil, "a digit less": text[:len(text)-1], "a digit more": append(bytes.Clone(text), '0'),
		"a U": bytes.Replace(text, text[:1], []byte("U"), 1), "a letter of another alphabet": append([]byte("é"), text[1:]...),
		"a passphrase": []byte("correct horse battery staple"),
	} {
		if got, err := ParseRecoveryCode(bad); got != nil || !errors.Is(err, ErrNoCode) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Later versions read the codes of this one.
func TestTheCodesOfThisVersionStayGood(t *testing.T) {
	if _, err := ParseRecoveryCode([]byte(goldenCode)); err != nil {
		t.Error(err)
	}
}

// P1: a code prints as nothing, whatever the verb.
func TestARecoveryCodePrintsAsNothing(t *testing.T) {
	code := NewRecoveryCode()
	text := fmt.Sprintf("%v %+v %#v %x %s %q %d", code, code, code, code, code, code, code)
	if strings.Contains(text, string(code[:8])) || strings.Contains(text, fmt.Sprintf("%x", code[:8])) || strings.Contains(text, fmt.Sprint(code[0], code[1])) {
		t.Fatalf("a code shows in %q", text)
	}
}

// FuzzParseRecoveryCode: what is read is written as it is read again.
func FuzzParseRecoveryCode(f *testing.F) {
	f.Add([]byte(goldenCode))
	f.Add([]byte(strings.ToLower(goldenCode)))
	f.Add([]byte(goldenCode[1:]))
	f.Fuzz(func(t *testing.T, text []byte) {
		code, err := ParseRecoveryCode(text)
		if err != nil {
			if code != nil || !errors.Is(err, ErrNoCode) && !errors.Is(err, ErrMistyped) {
				t.Errorf("%v", err)
			}
			return
		}
		again, err := ParseRecoveryCode(code.AppendGroups(nil))
		if err != nil || *again != *code {
			t.Errorf("it is not read again: %v", err)
		}
	})
}
