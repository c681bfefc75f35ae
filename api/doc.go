// Package api serves a vault over gRPC: SignerService for bots on sign.sock and
// AdminService for the operator on admin.sock, two listeners with two servers
// that share nothing but the vault.
//
// NewSigner and NewAdmin make the servers. Who calls is read from the connection
// (package peer) in one place, fields are converted strictly in one place
// (convert.go), and errors get their code in one table (errors.go).
//
// Trap: a handler never logs a request and never puts one into an error: what a
// caller sent may hold anything.
//
// Promises: P4, a caller is who the kernel says and is alive at each call; P1, no
// response has a field that could carry a secret.
package api
