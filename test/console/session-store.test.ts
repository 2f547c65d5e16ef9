/** What a tab keeps of a session, and for how long. */

import { afterAll, beforeAll, expect, it } from "vitest";
import { createSessionStore, type SessionStore } from "../../src/console/session/session-store.ts";
import type { Session } from "../../src/console/session/sign-in.ts";
import { type NodeServer, serve } from "../support/node-server.ts";

const asked: string[] = [];
let server: NodeServer;
beforeAll(async () => {
  server = await serve((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization}`);
    response.writeHead(200, { "Content-Type": "application/json" }).end('{"revoked":["id-1"]}');
  });
});
afterAll(() => server.close());

const SESSION: Session = {
  token: "ar_secret",
  holder: {
    id: "id-1",
    name: "ci",
    role: "viewer",
    permissions: ["data:read"],
    project: "acme/shop",
    envName: null,
    expiresAt: null,
  },
  scope: { o: "acme", p: "shop", envName: "prod" },
  mintedId: null,
};

/** A store over a storage that can be looked into, and how often the store told a change. */
function storeOver(kept: Map<string, string> = new Map()) {
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
    removeItem: (key: string) => kept.delete(key),
  };
  const store: SessionStore = createSessionStore(storage, server.url);
  let told = 0;
  store.subscribe(() => {
    told++;
  });
  return { store, kept, told: () => told };
}

it("a reload keeps the session, with the environment that was visited last", () => {
  const { store, kept } = storeOver();
  store.begin(SESSION);
  store.visit("staging");
  expect(storeOver(kept).store.state().session).toEqual({
    ...SESSION,
    scope: { ...SESSION.scope, envName: "staging" },
  });
});

it("nothing is kept after the end, and a token that somebody typed is not revoked", async () => {
  const { store, kept, told } = storeOver();
  store.begin(SESSION);
  await store.end();
  expect([store.state(), kept.size, told()]).toEqual([{ session: null, notice: null }, 0, 2]);
  expect(asked).toEqual([]);
});

it("a token that the sign-in minted is forgotten at once, and then revoked by itself", async () => {
  const { store, kept } = storeOver();
  store.begin({ ...SESSION, mintedId: "id-1" });
  const ended = store.end();
  expect([store.state().session, kept.size]).toEqual([null, 0]);
  await ended;
  expect(asked.splice(0)).toEqual(["DELETE /acme/shop/tokens/id-1 Bearer ar_secret"]);
});

it("a refused token ends its own session, says why, and never a later one", () => {
  const { store, kept } = storeOver();
  store.begin(SESSION);
  store.begin({ ...SESSION, token: "ar_other" });
  store.expire("ar_secret");
  expect(store.state().session?.token).toBe("ar_other");
  store.expire("ar_other");
  expect(store.state().session).toBeNull();
  expect(store.state().notice).toMatch(/expired or was revoked\.$/);
  expect(kept.size).toBe(0);
});

it("a page that the browser kept in memory notices that the session ended meanwhile", () => {
  const { store, kept, told } = storeOver();
  store.begin(SESSION);
  store.recheck();
  expect([store.state().session, told()]).toEqual([SESSION, 1]);
  kept.clear();
  store.recheck();
  expect([store.state().session, told()]).toEqual([null, 2]);
});

it("a storage that somebody broke is no session", () => {
  expect(storeOver(new Map([["action-runs.session", "{"]])).store.state().session).toBeNull();
});
