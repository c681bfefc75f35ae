package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"
)

// strangerEnv has this program ask for what is served at an address, as another user, and
// print it.
const strangerEnv = "PROXY_TEST_STRANGER"

func TestMain(m *testing.M) {
	address := os.Getenv(strangerEnv)
	if address == "" {
		os.Exit(m.Run())
	}
	response, err := http.Get("http://" + address)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	if _, err := io.Copy(os.Stdout, response.Body); err != nil {
		os.Exit(1)
	}
}
