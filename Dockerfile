# vaultd, vaultctl and vaultproxy, static, with nothing else in the image: no shell, no libc,
# no package manager.
#
#   docker build -t bfxvault .
#   docker run -d --name vault --network none --ulimit memlock=16777216 \
#     -v bfxvault-state:/var/lib/bfxvault -v bfxvault-run:/run/bfxvault bfxvault
#   docker exec -it vault /usr/bin/vaultctl init
#
# vaultproxy has the network that vaultd lacks, and of its folders the one with the
# sockets; clients in containers that share that folder connect to its unix socket:
#
#   docker run -d --name proxy --entrypoint /usr/bin/vaultproxy \
#     -v bfxvault-run:/run/bfxvault bfxvault --listen unix:/run/bfxvault/proxy.sock
#
# --ulimit memlock=16777216 (bytes): key material lies in locked memory, and some
# engines allow 64 KiB of it, which is too little for one API key.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/usr/bin/ ./cmd/vaultd ./cmd/vaultctl ./cmd/vaultproxy
RUN mkdir -p /out/var/lib /out/run /empty

FROM scratch
COPY --from=build /out/ /
# Whom vaultproxy believes to be Bitfinex.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
# vaultd refuses folders that are not its own; a new volume takes these owners.
COPY --from=build --chown=65532:65532 /empty/ /var/lib/bfxvault/
COPY --from=build --chown=65532:65532 /empty/ /run/bfxvault/
USER 65532:65532
ENV STATE_DIRECTORY=/var/lib/bfxvault RUNTIME_DIRECTORY=/run/bfxvault
VOLUME ["/var/lib/bfxvault", "/run/bfxvault"]
ENTRYPOINT ["/usr/bin/vaultd"]
