# The auto-id server and the vigil command in one image. The wall is no program for a container.
#   docker build -t vigil .
#   docker run -p 8080:8080 -v vigil-data:/data vigil serve --listen 0.0.0.0:8080 --data /data
#   docker run --rm vigil credentials --help
FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# No script of any package runs: esbuild's binary comes as a package of its own.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY scripts scripts
COPY src src
COPY assets assets
RUN node scripts/build.mjs

FROM node:24-bookworm-slim
# Everything the command needs is in its bundle; package.json tells its version.
WORKDIR /opt/vigil
COPY --from=build /build/package.json package.json
COPY --from=build /build/dist/cli dist/cli
COPY bin bin
RUN ln -s /opt/vigil/bin/vigil /usr/local/bin/vigil \
  && mkdir /data && chown node:node /data && chmod 700 /data
USER node
VOLUME /data
ENV NODE_ENV=production
# bin/vigil passes signals on: a stop ends requests in order.
ENTRYPOINT ["vigil"]
CMD ["--help"]
