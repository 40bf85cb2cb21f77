// A SCIM 2.0 service provider in memory: SCIMMY speaks the protocol, this file keeps the resources.
// Prints its port; ends with its standard input.
import { randomUUID } from "node:crypto";
import express from "express";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";

const store = { users: new Map(), groups: new Map() };
const versions = new Map(); // by id

// How the provider is bent by POST /bend: busy (writes that get 429), retryAfter, etag (If-Match is compared), rival (writes
// before which somebody else changes the resource), oauth {client, secret}. Whatever is not said is not so.
let bent = {};
let given = 0; // tokens; the last one is valid

function declare(type, kind, name) {
    const missing = (id) => new SCIMMY.Types.Error(404, null, `Resource ${id} not found`);
    SCIMMY.Resources.declare(type)
        .ingress((resource, data) => {
            const id = resource.id ?? randomUUID();
            if (resource.id && !kind.has(id)) throw missing(id);
            for (const other of kind.values()) {
                if (other.id !== id && other[name]?.toLowerCase() === data[name]?.toLowerCase())
                    throw new SCIMMY.Types.Error(409, "uniqueness", `${name} ${data[name]} is taken`);
            }
            const now = new Date().toISOString();
            const meta = { created: kind.get(id)?.meta.created ?? now, lastModified: now };
            versions.set(id, (versions.get(id) ?? 0) + 1);
            kind.set(id, { ...JSON.parse(JSON.stringify(data)), id, meta });
            return kind.get(id);
        })
        .egress((resource) => {
            if (!resource.id) return resource.filter ? resource.filter.match([...kind.values()]) : [...kind.values()];
            if (!kind.has(resource.id)) throw missing(resource.id);
            return kind.get(resource.id);
        })
        .degress((resource) => {
            if (!kind.delete(resource.id)) throw missing(resource.id);
            for (const group of store.groups.values()) group.members = group.members?.filter(({ value }) => value !== resource.id);
        });
}
declare(SCIMMY.Resources.User, store.users, "userName");
declare(SCIMMY.Resources.Group, store.groups, "displayName");

const app = express();
// SCIMMY takes numbers only, and Express gives text: without this every page is the first one.
app.set("query parser", (text) => {
    const query = Object.fromEntries(new URLSearchParams(text));
    for (const key of ["startIndex", "count"]) if (key in query) query[key] = Number(query[key]);
    return query;
});
app.post("/reset", (_, response) => {
    bent = {};
    store.users.clear();
    store.groups.clear();
    response.end();
});
app.post("/bend", express.json(), (request, response) => {
    bent = request.body;
    SCIMMY.Config.set("etag", !!bent.etag);
    app.set("etag", bent.etag ? false : "weak"); // Express sends one of the bytes, which nobody compares
    response.end();
});
app.post("/token", express.urlencoded(), (request, response) => {
    const basic = Buffer.from((request.header("Authorization") ?? "").replace("Basic ", ""), "base64").toString();
    const [client, secret] = basic ? basic.split(":").map((text) => decodeURIComponent(text.replaceAll("+", "%20"))) : [request.body.client_id, request.body.client_secret];
    if (!bent.oauth || client !== bent.oauth.client || secret !== bent.oauth.secret || request.body.grant_type !== "client_credentials")
        return response.status(401).json({ error: "invalid_client" });
    given++;
    response.json({ access_token: `given-${given}`, token_type: "Bearer", expires_in: 3600 });
});
app.use("/scim/v2", (request, response, next) => {
    const refuse = (status, detail) => response.status(status).type("application/scim+json")
        .send(JSON.stringify({ schemas: ["urn:ietf:params:scim:api:messages:2.0:Error"], status: `${status}`, detail }));
    const write = request.method !== "GET";
    if (write && bent.busy-- > 0) {
        if (bent.retryAfter) response.set("Retry-After", bent.retryAfter);
        return refuse(429, "too many requests");
    }
    const id = request.path.split("/")[2];
    if (bent.etag && versions.has(id)) {
        if (write && bent.rival-- > 0) versions.set(id, versions.get(id) + 1);
        const version = `W/"${versions.get(id)}"`;
        if (write && request.header("If-Match") && request.header("If-Match") !== version) return refuse(412, "it was changed meanwhile");
        if (!write) response.set("ETag", version);
    }
    next();
});
app.use("/scim/v2", new SCIMMYRouters({
    type: "bearer",
    handler: (request) => {
        const valid = bent.oauth ? `given-${given}` : process.env.SCIM_TOKEN;
        if (request.header("Authorization") !== `Bearer ${valid}`) throw new Error("wrong token");
        return "rolecall";
    },
}));
const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit(0)).resume();
