#!/usr/bin/env python3
"""An example of a plug-in for a program with a REST interface: who has which badge.

GET /badges -> {"badges": ["lab", ...]}
GET /people?page=1 -> {"people": [{"id": 7, "name": "ann", "badges": ["lab"]}, ...], "pages": 2, "total": 3}
PUT, DELETE /people/7/badges/lab -> 204
"""
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request


class Stay(urllib.request.HTTPRedirectHandler):
    """Follows nobody: a redirect leads to a page to sign in, and the key would go along."""

    def redirect_request(self, *_):
        return None


web = urllib.request.build_opener(Stay)
given = {}


def ask(method, path):
    """Makes one request. Whatever is no clear answer is an error, and then Rolecall looks for itself."""
    for _ in range(5):
        request = urllib.request.Request(given["url"] + path, method=method, headers={"X-Key": given["key"]})
        try:
            with web.open(request, timeout=20) as answer:
                if method != "GET" and answer.status == 204:
                    return None
                if method != "GET" or "json" not in answer.headers.get("Content-Type", ""):
                    raise ValueError(f"{method} {path}: something else than the program answers")
                return json.load(answer)
        except urllib.error.HTTPError as e:
            if e.code != 429:
                raise
            after = e.headers.get("Retry-After") or ""
            time.sleep(int(after) if after.isdigit() else 1)
    raise TimeoutError("the program is busy")


def everybody():
    """All people by id; a page that is missing or comes twice is an error, never a shorter list."""
    people, page = {}, 1
    while True:
        answer = ask("GET", f"/people?page={page}")
        for p in answer["people"]:
            if str(p["id"]) in people:
                raise ValueError(f"{p['id']} comes twice")
            people[str(p["id"])] = {"id": str(p["id"]), "name": p["name"], "entitlements": p["badges"]}
        if page >= answer["pages"]:
            break
        page += 1
    if len(people) != answer["total"]:
        raise ValueError(f"{len(people)} of {answer['total']} people came")
    return people


def change(method, account, badge):
    person = everybody().get(account)
    if person is None or badge not in ask("GET", "/badges")["badges"]:
        return {"outcome": "refused", "reason": "there is no such person or badge"} if method == "grant" else {"outcome": "already"}
    if (badge in person["entitlements"]) == (method == "grant"):
        return {"outcome": "already"}
    ask("PUT" if method == "grant" else "DELETE", f"/people/{account}/badges/{urllib.parse.quote(badge, safe='')}")
    return {"outcome": "done"}


def send(**message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def answer(method, p, ident):
    if method == "describe":
        return {"protocol": 1, "name": "badges", "version": "1", "catalogue": True}
    if method == "open":
        given.update(url=p["config"]["url"], key=p["secrets"]["key"])
        return {"identity": "badges:" + given["url"]}
    if method == "entitlements":
        return {"entitlements": sorted(ask("GET", "/badges")["badges"])}
    if method == "holdings":
        people = everybody()
        for person in people.values():
            send(method="account", params={"of": ident, "account": person})
        return {"complete": True, "accounts": len(people)}
    return {**p, **change(method, p["account"], p["entitlement"])}


for line in sys.stdin:
    r = json.loads(line)
    try:
        send(id=r["id"], result=answer(r["method"], r.get("params", {}), r["id"]))
    except Exception as e:
        send(id=r["id"], error={"code": -32000, "message": str(e)})
