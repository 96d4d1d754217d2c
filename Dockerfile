# One file for every image:
#
#   docker build --build-arg SERVICE=wallet -t evergreen/wallet .   auth, gateway, wallet, subscriptions, notifier or edge
#   docker build --target set-up -t evergreen/set-up .              makes databases, queues and users, and plays the demo
#
# Services run as they are written. What is built is Prisma's clients, which are generated, and the web app, which the edge serves.

# The files that decide what npm installs, apart from all others, so that a change of code installs nothing again.
FROM node:26-slim AS manifests
WORKDIR /app
COPY . .
RUN find . -type f ! -name package.json ! -name package-lock.json -delete && find . -type d -empty -delete

FROM node:26-slim AS build
WORKDIR /app
# Prisma would download an engine when it is installed; nothing here uses it, and the name of any program will do.
ENV PRISMA_SCHEMA_ENGINE_BINARY=/usr/local/bin/node DO_NOT_TRACK=1
COPY --from=manifests /app ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN node scripts/run.js --only-setup
RUN npm run build --workspace apps/web -- --outDir /app/web --emptyOutDir --logLevel warn

FROM build AS set-up-tree
RUN node scripts/production-tree.js packages/stack /out \
  && for service in auth gateway wallet subscriptions notifier; do \
       mkdir -p /out/sources/services/$service/prisma \
       && cp -r services/$service/prisma/migrations /out/sources/services/$service/prisma/; \
     done \
  && cp .env.example /out/sources/

# Ends when everything is set up; see docker-compose.yml.
FROM node:26-slim AS set-up
ENV NODE_ENV=production
COPY --from=set-up-tree /out/dependencies /app/
COPY --from=set-up-tree /out/sources /app/
WORKDIR /app/packages/stack
USER node
CMD ["node", "src/set-up.ts"]

FROM build AS service-tree
ARG SERVICE
RUN test -f "services/$SERVICE/src/main.ts" || { echo 'Say which service: --build-arg SERVICE=wallet' >&2; exit 1; }
RUN node scripts/production-tree.js "services/$SERVICE" /out \
  && if [ "$SERVICE" = edge ]; then cp -r web /out/sources/; fi

FROM node:26-slim AS service
ARG SERVICE
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000
COPY --from=service-tree /out/dependencies /app/
COPY --from=service-tree /out/sources /app/
WORKDIR /app/services/$SERVICE
USER node
EXPOSE 3000
HEALTHCHECK --interval=5s --timeout=4s --start-period=60s --retries=3 CMD ["node", "-e", \
  "fetch(`http://127.0.0.1:${process.env.PORT}/health/ready`, { signal: AbortSignal.timeout(3500) }).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "src/main.ts"]
