// The Go peer: main SERVICE ADDRESS CERT KEY, see ../go.rs and ../../scenario.rs.
package main

import (
	"bytes"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"os"
)

const (
	streamSize  = 1 << 30
	streamPiece = 64 * 1024
)

var piece = bytes.Repeat([]byte("x"), streamPiece)

func answer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	switch r.URL.Path {
	case "/":
		io.WriteString(w, "<b>hello world</b>")
	case "/stream":
		for sent := 0; sent < streamSize; sent += streamPiece {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	default:
		w.WriteHeader(404)
		io.WriteString(w, "<h1>Not Found</h1>")
	}
}

func echo(conn net.Conn) {
	defer conn.Close()
	buffer := make([]byte, 4096)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return
		}
		if _, err = conn.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func main() {
	service, addr, cert, key := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		log.Fatal(err)
	}
	identity, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		log.Fatal(err)
	}
	if service == "https" || service == "tls-echo" {
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{identity}})
	}
	if service != "echo" && service != "tls-echo" {
		log.Fatal(http.Serve(listener, http.HandlerFunc(answer)))
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go echo(conn)
	}
}
