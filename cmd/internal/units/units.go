// Package units holds the unit files of bfxvault for systemd, as they are shipped: those
// in system for the system service, those in user for a user's own.
//
// They are security documents: each says in its comments what the program that it starts
// can still do, and what was left out on purpose. Tests have systemd read all of them.
//
// Trap: they name programs in /usr/bin, and the system service's user and folders.
// Whoever writes one elsewhere puts other paths in their place.
package units

import "embed"

//go:embed system user
var files embed.FS

// Text is a unit file, by its path here, such as "system/vaultd.service". There being no
// such file is the only error.
func Text(name string) (string, error) {
	text, err := files.ReadFile(name)
	return string(text), err
}
