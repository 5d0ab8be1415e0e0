# syntax=docker/dockerfile:1
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked --package resi-data-api && cp target/release/resi-data-api /resi-data-api && \
    mkdir /empty

# glibc and certificates, no shell.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /resi-data-api /usr/bin/resi-data-api
# A named volume takes its owner from here.
COPY --from=build --chown=nonroot:nonroot /empty /var/lib/resi
# It listens to everybody, so it says who may act as a validator: those of the chain, if nothing else is said.
ENV RESI_HOST=0.0.0.0 RESI_REGISTRY=chain RESI_DATA_DIR=/var/lib/resi RESI_LOG_FORMAT=json
VOLUME /var/lib/resi
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=4s --start-period=20s --retries=3 CMD ["/usr/bin/resi-data-api", "health"]
ENTRYPOINT ["/usr/bin/resi-data-api"]
CMD ["serve"]
