#!/usr/bin/env python3
"""An example of a plug-in: a program whose accounts are a JSON file, with its whole account life cycle.

{"entitlements": ["read", "write"], "accounts": {"ann": {"active": true, "entitlements": ["read"], "person": "4711"}}}
"""
import contextlib
import fcntl
import json
import os
import sys


@contextlib.contextmanager
def data(path):
    """The content of the file; nobody else is let in, and what was changed is written."""
    with open(path + ".lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with open(path, encoding="utf-8") as f:
            d = json.load(f)
        before = json.dumps(d)
        yield d
        if json.dumps(d) != before:
            with open(path + ".new", "w", encoding="utf-8") as f:
                json.dump(d, f)
            os.rename(path + ".new", path)


def change(d, method, p):
    """Makes one change; every answer is an outcome and, where it is no success, a reason."""
    accounts, name = d["accounts"], p.get("account", "")
    if method == "create":
        name = p["name"]
        if name in accounts:
            if p.get("person") and accounts[name].get("person") == p["person"]:
                return {"outcome": "already", "account": name}
            return {"outcome": "refused", "reason": "there is an account of that name"}
        accounts[name] = {"active": True, "entitlements": [], "person": p.get("person", "")}
        return {"outcome": "done", "account": name}
    account, right = accounts.get(name), p.get("entitlement")
    if account is None:
        if method in ("grant", "resume"):
            return {"outcome": "refused", "reason": "there is no such account"}
        return {"outcome": "already"}
    held = account["entitlements"]
    if method == "grant" and right not in d["entitlements"]:
        return {"outcome": "refused", "reason": "there is no such right"}
    if method in ("grant", "revoke"):
        if (right in held) == (method == "grant"):
            return {"outcome": "already"}
        held.append(right) if method == "grant" else held.remove(right)
    elif method in ("suspend", "resume"):
        if account["active"] == (method == "resume"):
            return {"outcome": "already"}
        account["active"] = method == "resume"
    elif method == "delete":
        del accounts[name]
    return {"outcome": "done"}


def shown(d, name):
    a = d["accounts"].get(name)
    return a and {"id": name, "active": a["active"], "entitlements": a["entitlements"], "person": a.get("person", "")}


def send(**message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def answer(method, p, path, ident):
    if method == "describe":
        return {"protocol": 1, "name": "team", "version": "1", "accounts": True, "lifecycle": True, "read": True, "catalogue": True,
                "deletes": "the account with its rights"}
    if method == "open":
        path.append(p["config"]["path"])
        return {"identity": "team:" + path[-1]}
    if method == "holdings":
        with data(path[-1]) as d:  # and not longer: who reads the list may be slow
            accounts = [shown(d, name) for name in d["accounts"]]
        for account in accounts:
            send(method="account", params={"of": ident, "account": account})
        return {"complete": True, "accounts": len(accounts)}
    with data(path[-1]) as d:
        if method == "account":
            return {"id": p["account"], "account": shown(d, p["account"])}
        if method == "entitlements":
            return {"entitlements": d["entitlements"]}
        asked = {k: p[k] for k in ("account", "entitlement", "name") if k in p}
        return {**asked, **change(d, method, p)}  # what was asked for comes back


path = []
for line in sys.stdin:
    r = json.loads(line)
    try:
        send(id=r["id"], result=answer(r["method"], r.get("params", {}), path, r["id"]))
    except Exception as e:  # nobody knows what happened: Rolecall reads it back
        send(id=r["id"], error={"code": -32000, "message": str(e)})
