package client_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"time"

	"bfxvault/api/client"
)

// A bot that uses net/http sends its requests as it always did; they are signed
// on the way.
func Example() {
	vault, err := client.Dial("/run/bfxvault/sign.sock")
	if err != nil {
		log.Fatal(err)
	}
	defer vault.Close()
	const base = "https://api.bitfinex.com"
	signing, err := client.NewTransport(client.Options{Client: vault, Label: "main", BaseURL: base})
	if err != nil {
		log.Fatal(err)
	}
	bitfinex := http.Client{Transport: signing, Timeout: 15 * time.Second}

	response, err := bitfinex.Post(base+"/v2/auth/r/wallets", "application/json", strings.NewReader("{}"))
	if err != nil {
		log.Fatal(client.Reason(err), " ", err)
	}
	defer response.Body.Close()
	wallets, err := io.ReadAll(response.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", wallets)
}
