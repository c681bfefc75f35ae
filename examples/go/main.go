// Command go is a bot that lists its wallets. It holds no secret: vaultd signs
// what it sends.
package main

import (
	"cmp"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	"bfxvault/api/client"
)

func main() {
	bitfinex := cmp.Or(os.Getenv("BITFINEX"), "https://api.bitfinex.com")
	vault, err := client.Dial(os.Getenv("BFXVAULT_DIR") + "/run/sign.sock")
	if err != nil {
		log.Fatal(err)
	}
	defer vault.Close()
	signing, err := client.NewTransport(client.Options{Client: vault, Label: "main", BaseURL: bitfinex})
	if err != nil {
		log.Fatal(err)
	}
	bot := http.Client{Transport: signing, Timeout: 15 * time.Second}

	response, err := bot.Post(bitfinex+"/v2/auth/r/wallets", "application/json", strings.NewReader("{}"))
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	io.Copy(os.Stdout, response.Body)
}
