/** No token is called what a reader could take for the operator, or what a reader can't see. */

import { expect, it } from "vitest";
import { ask } from "../support/requests.ts";
import { grantToken, newProject, type Refusal } from "../support/tokens.ts";

const IMITATIONS: Readonly<Record<string, string>> = {
  "full width": "ｒｏｏｔ",
  "a letter with an accent": "róot",
  "Cyrillic г, о and т": "гоот",
  "Greek omicron and tau": "rοoτ",
  "Armenian oh": "rօot",
  "noughts for o": "r00t",
  "small capitals": "ʀᴏᴏᴛ",
  "mathematical letters": "𝐫𝕠𝖔𝓽",
  "letters in dark circles": "🅡🅞🅞🅣",
  Coptic: "ⲅⲟⲟⲧ",
  "a stroke through a letter": "røøŧ",
  "signs for letters": "r°°†",
  "one sign for two letters": "r∞t",
  "spaces around and within": " r o o t ",
  "a blank of Braille": "root\u2800",
  punctuation: "root.",
};

it.each(Object.entries(IMITATIONS))("refuses a name that looks like root: %s", async (_what, name) => {
  const project = newProject();
  const answer = await ask<Refusal>("POST", `${project}/tokens`, { body: { name, role: "viewer" } });
  expect([answer.status, answer.body.code]).toEqual([400, "invalid_body"]);
  expect(answer.body.error).toContain("root");
});

const INVISIBLE: Readonly<Record<string, string>> = {
  "a zero-width space": "ro\u200bot",
  "a soft hyphen": "A\u00adda",
  "a byte order mark": "\ufeffAda",
  "a right-to-left override": "\u202etoor",
  "a tag character": "Ada\u{e0041}",
  "a combining grapheme joiner": "A\u034fda",
  "a line separator": "Ada\u2028root",
};

it.each(Object.entries(INVISIBLE))("refuses a name with invisible characters: %s", async (_what, name) => {
  const answer = await ask<Refusal>("POST", `${newProject()}/tokens`, { body: { name, role: "viewer" } });
  expect([answer.status, answer.body.code]).toEqual([400, "invalid_body"]);
  expect(answer.body.error).toContain("can't be seen");
});

it.each(["rooted", "beetroot", "toor", "rot", "root-ci", "Ана"])(
  "a name that only resembles it is taken: %s",
  async (name) => {
    expect((await grantToken(newProject(), { role: "viewer", name })).name).toBe(name);
  },
);
