// An OpenID Connect provider in memory: oidc-provider speaks the protocol, this file knows the people. Everybody's password
// is right. Prints its port; ends with its standard input.
import { createServer } from "node:http";
import Provider from "oidc-provider";

const people = JSON.parse(process.env.PEOPLE); // login → claims

const server = createServer((request, response) => provider.callback()(request, response));
let provider;
server.listen(0, "127.0.0.1", () => {
    const { port } = server.address();
    provider = new Provider(`http://127.0.0.1:${port}`, {
        // A native client may be sent back to any port of this machine.
        clients: [{ client_id: "rolecall", client_secret: process.env.CLIENT_SECRET, application_type: "native", redirect_uris: ["http://127.0.0.1/login/return"],
            token_endpoint_auth_method: "client_secret_basic", grant_types: ["authorization_code"], response_types: ["code"] }],
        claims: { openid: ["sub"], profile: ["name", "preferred_username"], email: ["email", "email_verified"], groups: ["groups"] },
        findAccount: (_, id) => people[id] && { accountId: id, claims: () => ({ sub: id, ...people[id] }) },
        pkce: { required: () => true },
        cookies: { keys: ["under test"] },
    });
    console.log(port);
});
process.stdin.on("end", () => process.exit(0)).resume();
