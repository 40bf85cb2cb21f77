// A SCIM 2.0 service provider in memory: SCIMMY speaks the protocol, this file keeps the resources.
// Prints its port; ends with its standard input.
import { randomUUID } from "node:crypto";
import express from "express";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";

const store = { users: new Map(), groups: new Map() };

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
    store.users.clear();
    store.groups.clear();
    response.end();
});
app.use("/scim/v2", new SCIMMYRouters({
    type: "bearer",
    handler: (request) => {
        if (request.header("Authorization") !== `Bearer ${process.env.SCIM_TOKEN}`) throw new Error("wrong token");
        return "rolecall";
    },
}));
const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit(0)).resume();
