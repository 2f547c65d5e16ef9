/**
 * People who sign in as docs/sign-in.md sets it up, with what each issuer documents. The person must be the one that a
 * portal names in `On-Behalf-Of`: otherwise somebody could approve in the console what they started in the portal.
 */

import { describe, expect, it } from "vitest";
import { newActionsPath, put } from "../actions/actions.ts";
import { type ActionRun, ask } from "../support/requests.ts";
import { grantToken, type Refusal } from "../support/tokens.ts";
import { type DocumentedTrust, type Documents, PEOPLE } from "./documented-trusts.ts";
import { Browser, codeOf, ORIGIN, type Person, peopleToken, usePeople } from "./people.ts";

/** What the portal sends, as the document's table says. */
const PORTAL_SENDS: Readonly<Record<string, string>> = {
  "https://accounts.google.com": "ada@example.com",
  "https://login.microsoftonline.com/3f0c9a52-7d14-4e8b-9a66-0b1c2d3e4f50/v2.0": "Ada.Lovelace@example.com",
  "https://acme.okta.com": "ada@example.com",
  "https://id.example.com/realms/acme": "ada@example.com",
  "https://gitlab.com": "ada@example.com",
};

/** The issuer of the test has a name, an audience and a time of its own. */
function personOf({ proof, userInfo = { sub: proof.sub } }: Documents): Person {
  const { iss: _, aud: __, nonce: ___, iat: ____, nbf: _____, exp: ______, ...claims } = proof;
  return { idToken: claims, userInfo };
}

const ACCEPTED = PEOPLE.filter(({ accepts }) => accepts.length > 0);

async function used({ entry }: DocumentedTrust) {
  const { issuer: _, clientId: __, ...members } = entry;
  return usePeople(members);
}

describe.each(ACCEPTED)("$name", (one) => {
  it("opens for the documented person, and for nobody else", async () => {
    const people = await used(one);
    const actions = newActionsPath();
    const [project = ""] = actions.split("/envs/");
    const token = await peopleToken(project, people, {}, one.trust.claims);
    for (const documents of one.accepts) {
      const browser = new Browser();
      const { body } = await browser.choices(codeOf(await browser.signIn(people, personOf(documents))));
      expect(body.tokens).toMatchObject([{ id: token.id, project: project.slice(1) }]);
    }
    for (const documents of one.refuses) {
      const browser = new Browser();
      const { href } = await browser.signIn(people, personOf(documents));
      // Without a verified address, nobody knows who it is.
      if (href.endsWith("#error=person_unknown")) continue;
      expect((await browser.choices(codeOf(new URL(href)))).body.tokens).toEqual([]);
    }
  });

  it("names the person as a portal does, so nobody approves what they started there", async () => {
    const people = await used(one);
    const actions = newActionsPath();
    const [project = ""] = actions.split("/envs/");
    const approval = { trigger: { type: "webhook", url: "https://ci.example/hook" }, approval: {} };
    expect((await put(`${ORIGIN}${actions}/deploy`, approval)).status).toBe(201);
    const portal = await grantToken(project, { role: "member", name: "portal", mayActForOthers: true });
    const token = await peopleToken(project, people, { mayApprove: true }, one.trust.claims);
    const [documents] = one.accepts as readonly [Documents];
    const session = await new Browser().sessionOf(people, personOf(documents), project, token);

    const start = (person: string) =>
      ask<ActionRun>("POST", `${actions}/deploy/runs`, {
        token: portal.token,
        body: {},
        headers: { "On-Behalf-Of": person },
      });
    const approve = (id: string) =>
      ask<Refusal>("POST", `${actions.replace(/\/actions$/, "/action-runs")}/${id}/approve`, {
        token: null,
        body: {},
        headers: session.headers,
      });
    const own = await start(PORTAL_SENDS[one.entry.issuer] ?? "");
    expect((await approve(own.body.id)).body.code).toBe("own_run");
    const others = await start("grace@example.com");
    expect((await approve(others.body.id)).status).toBe(200);
  });
});
