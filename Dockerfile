# One static binary in an image without a shell. Mount the configuration at /etc/rolecall, and state at /var/lib/rolecall.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /rolecall ./cmd/rolecall && mkdir -p /empty/state

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /usr/local/go/lib/time/zoneinfo.zip /zoneinfo.zip
COPY --from=build /rolecall /rolecall
COPY --from=build --chown=65532:65532 /empty/state /var/lib/rolecall
ENV ZONEINFO=/zoneinfo.zip
USER 65532:65532
EXPOSE 8485
ENTRYPOINT ["/rolecall"]
CMD ["serve", "--config", "/etc/rolecall/rolecall.yaml"]
