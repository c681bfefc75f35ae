// Package bfxvaultv1 is the wire contract of bfxvault, generated from
// signer.proto and admin.proto, which hold the documentation of every field.
//
// Bots use SignerServiceClient, or package client over it. Promise: within v1,
// fields are added and never change their number or meaning.
package bfxvaultv1
