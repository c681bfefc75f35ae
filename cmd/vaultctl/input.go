package main

import (
	"io"
	"os"
)

// input reads a file, or standard input for "-", up to a size.
func (a *app) input(name string, most int64) ([]byte, error) {
	r := a.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, failed("UNREADABLE", "%v", err)
		}
		defer f.Close()
		r = f
	}
	text, err := io.ReadAll(io.LimitReader(r, most))
	if err != nil {
		return nil, failed("UNREADABLE", "%v", err)
	}
	return text, nil
}
