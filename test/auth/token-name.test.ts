/** No token is called what a reader could take for the operator, or what a reader can't see. */

import { expect, it } from "vitest";
import { ask } from "../support/requests.ts";
import { grantToken, newProject, type Refusal } from "../support/tokens.ts";

const IMITATIONS: Readonly<Record<string, string>> = {
  "itself in any case": "rOOt",
  "full width": "ｒｏｏｔ",
  "a letter with an accent": "róot",
  "marks put on": "r\u0301oot\u0323",
  "Cyrillic о": "rоot",
  "Cyrillic г, о and т": "гоот",
  "Cyrillic capitals": "ROОТ",
  "Greek omicron and tau": "rοoτ",
  "Armenian oh": "rօot",
  "noughts for o": "r00t",
  "an Arabic-Indic five for o": "r٥ot",
  "a Hindi nought": "r०ot",
  "small capitals": "ʀᴏᴏᴛ",
  "mathematical letters": "𝐫𝕠𝖔𝓽",
  "letters in circles": "ⓡⓞⓞⓣ",
  "letters in dark circles": "🅡🅞🅞🅣",
  Cherokee: "ᎡOOᎢ",
  Lisu: "ꓣꓳꓳꓔ",
  Coptic: "ⲅⲟⲟⲧ",
  "a stroke through a letter": "røøŧ",
  "an ideographic nought": "r〇〇t",
  "signs for letters": "r°°†",
  "one sign for two letters": "r∞t",
  "spaces around and within": " r o o t ",
  "a no-break space": "root\u00a0",
  "a blank of Braille": "root\u2800",
  punctuation: "root.",
  brackets: "[root]",
};

it.each(Object.entries(IMITATIONS))("refuses a name that looks like root: %s", async (_what, name) => {
  const project = newProject();
  const answer = await ask<Refusal>("POST", `${project}/tokens`, { body: { name, role: "viewer" } });
  expect([answer.status, answer.body.code]).toEqual([400, "invalid_body"]);
  expect(answer.body.error).toContain("root");
});

const INVISIBLE: Readonly<Record<string, string>> = {
  "a zero-width space": "ro\u200bot",
  "a zero-width joiner": "Ada\u200d",
  "a soft hyphen": "A\u00adda",
  "a byte order mark": "\ufeffAda",
  "a word joiner": "Ada\u2060",
  "a right-to-left override": "\u202etoor",
  "a bidirectional isolate": "\u2066Ada\u2069",
  "a tag character": "Ada\u{e0041}",
  "a Hangul filler": "Ada\u3164",
  "a variation selector": "Ada\ufe00",
  "a combining grapheme joiner": "A\u034fda",
  "a Mongolian vowel separator": "Ada\u180e",
  "a line separator": "Ada\u2028root",
};

it.each(Object.entries(INVISIBLE))("refuses a name with invisible characters: %s", async (_what, name) => {
  const answer = await ask<Refusal>("POST", `${newProject()}/tokens`, { body: { name, role: "viewer" } });
  expect([answer.status, answer.body.code]).toEqual([400, "invalid_body"]);
  expect(answer.body.error).toContain("can't be seen");
});

it.each(["rooted", "root 2", "beetroot", "toor", "rot", "roots", "Ана", "root-ci", "Groot", "日本", "Zoë", "r", "100"])(
  "a name that only resembles it is taken: %s",
  async (name) => {
    expect((await grantToken(newProject(), { role: "viewer", name })).name).toBe(name);
  },
);
