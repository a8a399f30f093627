# One image for workers, the gateway and the command line; the argument says which: worker, gateway, deploy, doctor, …
# The project (millrace.json, dags/, schemas/) is mounted at /project, or copied there by an image built FROM this one.
ARG NODE_IMAGE=node:20.20.2-bookworm-slim

FROM ${NODE_IMAGE} AS packages
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# No package's own script runs: the native ones ship built for each platform.
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts

# What runs needs of them, by itself, so that another line of code leaves this layer of the image as it is. Temporal's package
# has its library for five platforms, 25 to 40 MB each.
FROM packages AS needed
RUN npm prune --omit=dev --ignore-scripts \
    && machine=$(uname -m) \
    && test -d "node_modules/@temporalio/core-bridge/releases/$machine-unknown-linux-gnu" \
    && find node_modules/@temporalio/core-bridge/releases -mindepth 1 -maxdepth 1 ! -name "$machine-unknown-linux-gnu" \
       -exec rm -r {} +

FROM packages AS build
COPY tsconfig.json tsconfig.build.json ./
COPY *.ts ./
COPY activities ./activities
COPY client ./client
COPY connectors ./connectors
COPY core ./core
COPY dags ./dags
COPY demo ./demo
COPY ops ./ops
COPY schemas ./schemas
COPY scripts ./scripts
COPY security ./security
COPY serve ./serve
COPY testing ./testing
COPY workflows ./workflows
RUN npm run build && rm -rf dist/demo dist/.tsbuildinfo dist/workflow-bundle.inputs

FROM ${NODE_IMAGE}
# Certificates of public authorities, which the image lacks and TLS to Temporal needs; tini, because Node.js as process 1
# neither reaps children nor dies of signals that it does not handle.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates tini \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/millrace
COPY --from=needed /build/package.json ./
COPY --from=needed /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
COPY LICENSE ./
# DAG files import "millrace" from wherever the project is mounted. Volumes take over the owner of the folders.
RUN mkdir -p /node_modules /project /var/lib/millrace/inbox /var/lib/millrace/warehouse \
    && ln -s /opt/millrace /node_modules/millrace \
    && ln -s /opt/millrace/dist/client.js /usr/local/bin/millrace \
    && chown -R node:node /var/lib/millrace
# The data folder: one for each container, never shared. What must outlive it lies elsewhere.
VOLUME /var/lib/millrace
ENV NODE_ENV=production MILLRACE_DATA_DIRECTORY=/var/lib/millrace
USER node
WORKDIR /project
ENTRYPOINT ["/usr/bin/tini", "--", "millrace"]
CMD ["worker"]
