/** Every change of the document takes or refuses `On-Behalf-Of` in the same way, whatever it does with the person. */

import { describe, expect, it } from "vitest";
import { type Access, accessFor, OPERATIONS, type Operation, send } from "../openapi/described-requests.ts";
import { ask, createRun, newRunsPath, ROOT, report } from "../support/requests.ts";
import { grantToken, type Refusal } from "../support/tokens.ts";

const schemesOf = ({ security }: Operation) => security.flatMap((one) => Object.keys(one));
const CHANGES = OPERATIONS.filter((one) => one.method !== "GET" && schemesOf(one).includes("apiToken")).map(
  (one) => [`${one.method} ${one.path}`, one] as const,
);
/** Only ROOT_TOKEN opens these, and it names no person. */
const OF_ROOT = /(resync|sign-in-codes|\/database|\/purge|(\{p\}|\{envName\})\/erase)$/;
/** Only a token above it rotates a token, and here the operator created it. */
const OF_OTHERS = "POST /{o}/{p}/tokens/{tokenId}/rotate";

async function flagged({ names }: Access): Promise<string> {
  const { o = "acme", p = "shop" } = names;
  return (await grantToken(`/${o}/${p}`, { role: "owner", mayActForOthers: true, mayApprove: true })).token;
}

describe.each(CHANGES)("%s", (name, operation) => {
  it("refuses the header of a token without the flag, refuses what is no person, and takes a person", async () => {
    const access = await accessFor(operation);
    const token = await flagged(access);
    const asked = (sent: { token: string; person: string }) =>
      send(operation, access, {
        token: sent.token,
        body: operation.bodyExample,
        headers: { ...access.headers, "On-Behalf-Of": sent.person },
      });
    const withoutFlag = await asked({ token: ROOT, person: "ada@acme.example" });
    expect([withoutFlag.status, withoutFlag.code]).toEqual([403, "may_not_act_for_others"]);
    const unreadable = await asked({ token, person: "Ada Lovelace" });
    expect([unreadable.status, unreadable.code]).toEqual([400, "invalid_on_behalf_of"]);
    if (OF_ROOT.test(name) || name === OF_OTHERS) return;
    expect((await asked({ token, person: "ada@acme.example" })).status).toBe(operation.successes[0]);
  });
});

const UNREADABLE: Readonly<Record<string, string>> = {
  "an empty one": "",
  "a space": "Ada Lovelace",
  "two headers, as they arrive": "ada, bo",
  "a tab": "ada\tlovelace",
  "256 characters": "a".repeat(256),
  "the operator's name": "root",
  "the operator's name in capitals": "ROOT",
  "what looks like the operator's name": "r00t",
  "the operator's name with punctuation": "-root-",
};

it.each(Object.entries(UNREADABLE))("refuses %s as a person, and nothing is created", async (_, person) => {
  const runs = newRunsPath();
  const { token } = await grantToken("/acme/shop", { role: "member", mayActForOthers: true });
  const sent = { token, body: { actionName: "deploy" }, headers: { "On-Behalf-Of": person } };
  const { status, body } = await ask<Refusal>("POST", runs, sent);
  expect([status, body.code]).toEqual([400, "invalid_on_behalf_of"]);
  expect((await ask<unknown[]>("GET", runs, { token })).body).toEqual([]);
});

it.each(["!", "~".repeat(255), "rooted", "root@acme.example"])("takes %s as a person", async (person) => {
  const { token } = await grantToken("/acme/shop", { role: "member", mayActForOthers: true });
  const run = await createRun(newRunsPath(), undefined, { token, headers: { "On-Behalf-Of": person } });
  expect(run.triggeredBy).toBe(person);
});

it("reading ignores the header, and so do the callback and the heartbeat", async () => {
  const runs = newRunsPath();
  const run = await createRun(runs);
  const headers = { "On-Behalf-Of": "not a person" };
  expect((await ask("GET", `${runs}/${run.id}`, { headers })).status).toBe(200);
  expect((await ask("GET", "/whoami", { headers })).status).toBe(200);
  const { token } = run.callback;
  expect((await ask("POST", `${runs}/${run.id}/heartbeat`, { token, headers })).status).toBe(200);
  expect((await report(run, { status: "succeeded" }, { headers })).status).toBe(200);
});
