// Package doctor grades how a vault is set up.
package doctor
