/** Addresses and pages. */

import { expect, it } from "vitest";
import { type Page, pageAt, pathOf, scopeOf } from "../../src/console/pages.ts";

const SCOPE = { o: "acme", p: "shop", envName: "prod-eu" };
const ID = "01a212de-9b55-8003-a8a9-dd2c148ea617";

const PAGES: readonly (readonly [string, Page])[] = [
  ["/console", { name: "sign-in" }],
  ["/console/sign-in", { name: "choice" }],
  ["/console/cli", { name: "cli" }],
  ["/console/-/acme/shop/prod-eu/runs", { name: "runs", ...SCOPE }],
  [`/console/-/acme/shop/prod-eu/runs/${ID}`, { name: "run", ...SCOPE, id: ID }],
  ["/console/-/acme/shop/prod-eu/bulk-operations", { name: "operations", ...SCOPE }],
  [`/console/-/acme/shop/prod-eu/bulk-operations/${ID}`, { name: "operation", ...SCOPE, id: ID }],
  ["/console/-/acme/shop/prod-eu/actions", { name: "actions", ...SCOPE }],
  ["/console/-/acme/shop/prod-eu/actions/Deploy_2.x", { name: "action", ...SCOPE, action: "Deploy_2.x" }],
  ["/console/-/acme/shop/prod-eu/actions/-/new", { name: "new-action", ...SCOPE }],
  ["/console/-/acme/shop/prod-eu/actions/new/edit", { name: "edit-action", ...SCOPE, action: "new" }],
  ["/console/-/acme/shop/prod-eu/schedules", { name: "schedules", ...SCOPE }],
  ["/console/-/acme/shop/prod-eu/schedules/Nightly_2.x", { name: "schedule", ...SCOPE, schedule: "Nightly_2.x" }],
  ["/console/-/acme/shop/prod-eu/schedules/-/new", { name: "new-schedule", ...SCOPE }],
  ["/console/-/acme/shop/prod-eu/schedules/nightly/edit", { name: "edit-schedule", ...SCOPE, schedule: "nightly" }],
  ["/console/-/acme/shop/prod-eu/approvals", { name: "approvals", ...SCOPE }],
  ["/console/-/acme/shop/prod-eu/groups", { name: "groups", ...SCOPE }],
  ["/console/-/acme/shop/prod-eu/notifications", { name: "notifications", ...SCOPE }],
  ["/console/-/acme/shop/prod-eu/notifications/Chat_2.x", { name: "endpoint", ...SCOPE, endpoint: "Chat_2.x" }],
  ["/console/-/acme/shop/prod-eu/notifications/-/new", { name: "new-endpoint", ...SCOPE }],
  ["/console/-/acme/shop/prod-eu/notifications/chat/edit", { name: "edit-endpoint", ...SCOPE, endpoint: "chat" }],
  ["/console/-/acme/shop/tokens", { name: "tokens", o: "acme", p: "shop" }],
  ["/console/-/acme/shop/audit", { name: "audit", o: "acme", p: "shop" }],
];

it.each(PAGES)("%s is a page, in both directions", (path, page) => {
  expect(pageAt(path)).toEqual(page);
  expect(pathOf(page)).toBe(path);
});

it.each([
  "/console/",
  "/console/-/acme/shop",
  "/console/-/Acme/shop/prod/runs",
  "/console/-/acme/shop/-prod/runs",
  "/console/-/acme/shop/prod/runs/",
  "/console/-/acme/shop/prod/runs/not-an-id",
  "/console/-/acme/shop/prod/actions/a%2Fb",
  "/console/-/acme/shop/prod/actions/-/edit",
  "/console/-/acme/shop/prod/runs/-/new",
  "/console/-/acme/shop/prod/tokens",
])("%s is no page", (path) => {
  expect(pageAt(path)).toBeNull();
});

it("a page of the whole project names no environment", () => {
  expect(PAGES.map(([, page]) => scopeOf(page)?.envName)).toEqual([
    ...Array(3),
    ...Array(18).fill("prod-eu"),
    null,
    null,
  ]);
});
