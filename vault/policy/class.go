package policy

import (
	"fmt"
	"math/bits"
	"strings"
)

// classNames gives each class its word, lowest bit first.
var classNames = [...]string{"read", "trade", "cancel", "funding", "withdraw", "settings"}

// ParseClasses reads permission words, such as "read" and "trade", into a set.
// An unknown word is an error that lists the known ones; a repeated word is
// harmless.
func ParseClasses(words []string) (Class, error) {
	var set Class
	for _, word := range words {
		c, ok := classOf(word)
		if !ok {
			return 0, fmt.Errorf("unknown permission %q: use %s", word, strings.Join(classNames[:], ", "))
		}
		set |= c
	}
	return set, nil
}

func classOf(word string) (Class, bool) {
	for i, name := range classNames {
		if name == word {
			return 1 << i, true
		}
	}
	return 0, false
}

// Words lists the classes of a set by name, in a fixed order.
func (c Class) Words() []string {
	words := make([]string, 0, bits.OnesCount8(uint8(c)))
	for i, name := range classNames {
		if c&(1<<i) != 0 {
			words = append(words, name)
		}
	}
	return words
}

// String joins the words with commas: "read,trade". The empty set is "none".
func (c Class) String() string { return string(c.Append(nil)) }

// Append appends what String prints.
func (c Class) Append(b []byte) []byte {
	if c == 0 {
		return append(b, "none"...)
	}
	start := len(b)
	for i, name := range classNames {
		if c&(1<<i) == 0 {
			continue
		}
		if len(b) > start {
			b = append(b, ',')
		}
		b = append(b, name...)
	}
	return b
}
