/** The scope that somebody signs in to. */

import { expect, it } from "vitest";
import { chosenScope, type Identified, opens, scopeFor } from "../../src/console/session/sign-in.ts";

const NOTHING = { org: "", project: "", env: "" };
const ROOT = { project: null, envName: null };
const PROJECT = { project: "acme/shop", envName: null };
const ENVIRONMENT = { project: "acme/shop", envName: "prod" };

it.each([
  ["a token of one environment fills all", NOTHING, ENVIRONMENT, "acme/shop/prod"],
  ["a token of a project leaves the environment", { ...NOTHING, env: " eu " }, PROJECT, "acme/shop/eu"],
  ["the operator types all", { org: "a", project: "b", env: "c" }, ROOT, "a/b/c"],
  ["what is typed may say the same", { org: "acme", project: "shop", env: "prod" }, ENVIRONMENT, "acme/shop/prod"],
])("opens $3 because %s", (_, typed, holder, expected) => {
  const { scope } = scopeFor(typed, holder) as { scope: { o: string; p: string; envName: string } };
  expect(`${scope.o}/${scope.p}/${scope.envName}`).toBe(expected);
});

it.each([
  ["nothing typed by the operator", NOTHING, ROOT, "org", /which organization\./],
  ["no environment", NOTHING, PROJECT, "env", /which environment\./],
  ["another project", { ...NOTHING, project: "other" }, PROJECT, "project", /opens only “shop”/],
  ["another environment", { ...NOTHING, env: "eu" }, ENVIRONMENT, "env", /opens only “prod”/],
  ["a name that is none", { org: "Acme", project: "b", env: "c" }, ROOT, "org", /lower-case/],
])("%s is refused at its field", (_, typed, scope, field, problem) => {
  expect(scopeFor(typed, scope)).toMatchObject({ field, problem: expect.stringMatching(problem) });
});

const environment = (project: string, envName: string) => ({ project, envName });
const holderOf = (holder: typeof ROOT | typeof PROJECT | typeof ENVIRONMENT) =>
  holder as unknown as Identified["holder"];

it.each([
  ["the address", { o: "acme", p: "shop", envName: "eu" }, PROJECT, [], "acme/shop/eu"],
  ["the address, for the operator", { o: "a", p: "b", envName: "c" }, ROOT, [environment("x/y", "z")], "a/b/c"],
  ["the environment of the token", { o: "acme", p: "shop", envName: null }, ENVIRONMENT, [], "acme/shop/prod"],
  [
    "some environment of the project, for a page of the project",
    { o: "acme", p: "shop", envName: null },
    ROOT,
    [environment("acme/a", "z"), environment("acme/shop", "dev"), environment("acme/shop", "prod")],
    "acme/shop/dev",
  ],
  ["the only environment", null, ROOT, [environment("x/y", "z")], "x/y/z"],
  [
    "the only environment, if the address is another's",
    { o: "o", p: "p", envName: "e" },
    PROJECT,
    [environment("acme/shop", "z")],
    "acme/shop/z",
  ],
  [
    "nothing, if there are several",
    null,
    PROJECT,
    [environment("acme/shop", "a"), environment("acme/shop", "b")],
    null,
  ],
  ["nothing, if there is none", null, ROOT, [], null],
  ["nothing, for a project without runs", { o: "acme", p: "shop", envName: null }, PROJECT, [], null],
] as const)("the sign-in chooses %s", (_, address, holder, environments, expected) => {
  const scope = chosenScope(address, { holder: holderOf(holder), environments });
  expect(scope === null ? null : `${scope.o}/${scope.p}/${scope.envName}`).toBe(expected);
});

it.each([
  [ROOT, { o: "a", p: "b", envName: "c" }, true],
  [PROJECT, { o: "acme", p: "shop", envName: "c" }, true],
  [PROJECT, { o: "acme", p: "other", envName: "c" }, false],
  [ENVIRONMENT, { o: "acme", p: "shop", envName: null }, true],
  [ENVIRONMENT, { o: "acme", p: "shop", envName: "eu" }, false],
] as const)("whether %j opens %j: %s", (holder, scope, expected) => {
  expect(opens(holder, scope)).toBe(expected);
});
