package proxyd

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"bfxvault/api/peer"
	"bfxvault/cmd/internal/paths"
)

const (
	certificateFile = "certificate.pem" // what bots are told to trust
	keyFile         = "key.pem"
	validFor        = 10 * 365 * 24 * time.Hour
	renewBefore     = 30 * 24 * time.Hour
)

// ownFolder is where vaultproxy keeps its certificate: what systemd made for it, or a
// folder in the vault's.
func ownFolder(dir string, p paths.Paths) string {
	if state := os.Getenv("STATE_DIRECTORY"); state != "" && paths.Named(dir) == "" {
		return state
	}
	return filepath.Join(p.State, "proxy")
}

// certified is the TLS of a server with this machine's certificate.
func certified(folder string) (*tls.Config, error) {
	c, err := certificate(folder)
	if err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*c}}, nil
}

// certificate reads the certificate of this machine's vaultproxy, or makes one: for
// localhost and the addresses of this machine, signed by itself.
func certificate(folder string) (*tls.Certificate, error) {
	if err := os.MkdirAll(filepath.Dir(folder), 0o700); err != nil {
		return nil, err
	}
	if err := peer.EnsureDir(folder, 0o711); err != nil { // bots of other users read the certificate
		return nil, err
	}
	public, secret := filepath.Join(folder, certificateFile), filepath.Join(folder, keyFile)
	c, err := tls.LoadX509KeyPair(public, secret)
	if errors.Is(err, fs.ErrNotExist) || err == nil && time.Until(c.Leaf.NotAfter) < renewBefore {
		if err := makeCertificate(public, secret); err != nil {
			return nil, err
		}
		c, err = tls.LoadX509KeyPair(public, secret)
	}
	if err != nil {
		return nil, err
	}
	return &c, nil
}

func makeCertificate(certificatePath, keyPath string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "vaultproxy"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(validFor),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := write(keyPath, 0o600, "PRIVATE KEY", secret); err != nil {
		return err
	}
	return write(certificatePath, 0o644, "CERTIFICATE", cert) // last: without it both are made anew
}

// write puts a file in place at once.
func write(path string, mode os.FileMode, kind string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	err = pem.Encode(f, &pem.Block{Type: kind, Bytes: content})
	if err := errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
