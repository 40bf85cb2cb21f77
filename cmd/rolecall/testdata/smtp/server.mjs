// A mail server for tests. It appends each message that it takes to the file OUT, one line of JSON each, and prints its port.
//
//   CERT, KEY   files; SECURE=yes: TLS from the beginning, else STARTTLS
//   AUTH        user:password that is needed, if there is one
//   REFUSE      a receiver that there is none of

import { appendFileSync, readFileSync } from "node:fs";
import { SMTPServer } from "smtp-server";

const { CERT, KEY, SECURE, AUTH, REFUSE, OUT } = process.env;
const [user, password] = (AUTH ?? "").split(":");

const server = new SMTPServer({
    secure: SECURE === "yes",
    ...(CERT ? { cert: readFileSync(CERT), key: readFileSync(KEY) } : { hideSTARTTLS: true }),
    disabledCommands: AUTH ? [] : ["AUTH"],
    authOptional: !AUTH,
    allowInsecureAuth: true,
    onAuth: (auth, _, done) => (auth.username === user && auth.password === password ? done(null, { user }) : done(new Error("who are you?"))),
    onRcptTo: ({ address }, _, done) => done(address === REFUSE ? Object.assign(new Error("there is nobody of that name"), { responseCode: 550 }) : null),
    onData: (stream, session, done) => {
        let text = "";
        stream.setEncoding("utf8").on("data", (part) => (text += part)).on("end", () => {
            const { mailFrom, rcptTo } = session.envelope;
            appendFileSync(OUT, JSON.stringify({ from: mailFrom.address, to: rcptTo.map((r) => r.address), user: session.user ?? "", safe: session.secure, text }) + "\n");
            done();
        });
    },
});
server.on("error", () => {}); // a client that breaks off
server.listen(0, "127.0.0.1", () => console.log(server.server.address().port));
process.stdin.on("end", () => process.exit(0)).resume();
