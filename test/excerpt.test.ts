import { describe, expect, it } from "vitest";
import { ANSWER_READ_MAX_BYTES, EXCERPT_MAX_CHARACTERS, excerptOf } from "../src/dispatch/excerpt.ts";
import { type SentRequest, secretsOf } from "../src/dispatch/secrets.ts";

const HMAC = "0123456789abcdef".repeat(4);
const RUN_ID = "019c0e5a-1800-8000-8000-000000000000";
const PASSWORD = `p<ä>"s's\\w/0&rd+%1 !`;
const BODY = {
  ref: "main",
  event: "deploy-everything",
  script: "first line\n\tsecond line",
  apiKey: "k-9",
  pin_token: 987654,
  auth: { list: ["xyz", "?>?>~~\u{ff}~"] },
  inputs: { quoted: 'say "hello" & <bye>', emoji: "rocket \u{1f680} launch" },
};
const REQUEST: SentRequest = {
  url: "https://ci.example/hooks/T0000-B1111-zXcVbNm/run?access=q%2Fu%20ery%2Dsecret&flag=on&wholeSecretKey",
  headers: {
    Authorization: `Basic ${btoa("jenkins:11abcdef:0123")}`,
    "PRIVATE-TOKEN": "glpat-AbCdEf123456",
    "X-Auth": 'Token id=abcd, token="tok-55667788"',
    "X-Pass": PASSWORD,
    Accept: "application/json",
    "User-Agent": "action-runs",
  },
  body: JSON.stringify(BODY),
  signingSecret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  callbackToken: `${RUN_ID}:1893456000000:${HMAC}`,
};
const SECRETS = secretsOf(REQUEST);

/** What none of the echoes below may show, as plain as it can be. */
const PLAIN = [
  REQUEST.url,
  "T0000-B1111-zXcVbNm",
  "q/u ery-secret",
  "q%2Fu%20ery%2Dsecret",
  "wholeSecretKey",
  btoa("jenkins:11abcdef:0123"),
  "jenkins:11abcdef:0123",
  "11abcdef:0123",
  "glpat-AbCdEf123456",
  "tok-55667788",
  PASSWORD,
  "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  REQUEST.callbackToken,
  HMAC,
  "k-9",
  "xyz",
  "?>?>~~\u{ff}~",
  "987654",
  "deploy-everything",
  "first line\n\tsecond line",
  'say "hello" & <bye>',
  "rocket \u{1f680} launch",
];

const encoder = new TextEncoder();
const excerpt = (text: string, secrets: readonly string[], isCut = false) =>
  excerptOf(encoder.encode(text), isCut, secrets);
const ascii = (json: string) =>
  json.replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`);
const html = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
const form = (text: string) => new URLSearchParams({ v: text }).toString().slice(2);
const base64 = (text: string) => encoder.encode(text).toBase64();

const SPELLINGS: Record<string, (text: string) => string> = {
  "as it is": (text) => text,
  "in JSON": (text) => JSON.stringify(text).slice(1, -1),
  "in JSON in JSON": (text) => JSON.stringify(JSON.stringify(text)).slice(3, -3),
  "in JSON with slashes escaped": (text) => JSON.stringify(text).slice(1, -1).replaceAll("/", "\\/"),
  "in ASCII JSON": (text) => ascii(JSON.stringify(text).slice(1, -1)),
  "in Go's JSON": (text) =>
    JSON.stringify(text)
      .slice(1, -1)
      .replace(/[&<>]/g, (mark) => `\\u00${mark.charCodeAt(0).toString(16)}`),
  "in HTML": html,
  "in HTML with apostrophes": (text) => html(text).replaceAll("'", "&#39;"),
  "in percent": encodeURIComponent,
  "in lower-case percent": (text) => encodeURIComponent(text).replace(/%../g, (byte) => byte.toLowerCase()),
  "in a form": form,
};
const HIDDEN_SPELLINGS: Record<string, (text: string) => string> = {
  "in base64": base64,
  "in base64url": (text) => encoder.encode(text).toBase64({ alphabet: "base64url", omitPadding: true }),
  "in folded base64": (text) => base64(text).replace(/.{5}(?=.)/g, "$&\r\n"),
};
const CREDENTIALS = PLAIN.slice(0, PLAIN.indexOf("deploy-everything"));

describe("an echo gives no secret away", () => {
  const rows = [
    ...PLAIN.flatMap((secret) => Object.keys(SPELLINGS).map((spelling) => ({ secret, spelling }))),
    ...CREDENTIALS.flatMap((secret) =>
      Object.keys(HIDDEN_SPELLINGS).map((spelling) => ({ secret, spelling })),
    ),
  ];
  it.each(rows)("$secret $spelling", ({ secret, spelling }) => {
    const spell = SPELLINGS[spelling] ?? HIDDEN_SPELLINGS[spelling] ?? String;
    const shown = excerpt(`~~${spell(secret)}~~`, SECRETS);
    expect(shown.replace(/\[redacted\]|[= ]/g, "")).toBe("~~~~");
  });

  const headers = Object.entries(REQUEST.headers).map(([name, value]) => `${name}: ${value}`);
  it.each([
    ["of the headers", headers.join("\r\n")],
    ["of the headers in JSON", JSON.stringify({ headers: REQUEST.headers })],
    ["of the body", REQUEST.body],
    ["of the body, indented", JSON.stringify(BODY, null, 2)],
    ["of the body in JSON", JSON.stringify({ received: REQUEST.body })],
    ["of the body in HTML", `<pre>${html(REQUEST.body)}</pre>`],
    ["of the request line", `POST ${REQUEST.url.slice("https://ci.example".length)} HTTP/1.1`],
    ["of everything", [REQUEST.url, ...headers, REQUEST.body, REQUEST.callbackToken].join("\n")],
  ])("%s", (_, echo) => {
    const shown = excerpt(echo, SECRETS);
    expect(shown).toContain("[redacted]");
    const compared = (text: string) => text.replace(/[\s\\]/g, "").toLowerCase();
    for (const secret of PLAIN) expect(compared(shown)).not.toContain(compared(secret));
  });

  it("of the whole body in base64, whatever its words are", () => {
    const request = { ...REQUEST, body: '{"a":"b"}' };
    expect(excerpt(`got ${btoa(request.body)}`, secretsOf(request))).toBe("got [redacted]");
  });

  it("of a form, as sent and as meant", () => {
    const body = "token=a%20b%2Fc&variables%5BX%5D=some+longer+value&odd=%6Co%6eger%2Dstill&ref=main";
    const secrets = secretsOf({ ...REQUEST, body });
    for (const echo of [
      "a b/c",
      "a%20b%2fc",
      "some longer value",
      "some+longer+value",
      "some%20longer%20value",
      "%6Co%6eger%2Dstill",
      body,
    ]) {
      expect(excerpt(`got ${echo}!`, secrets)).toBe("got [redacted]!");
    }
    expect(excerpt("no ref main here", secrets)).toBe("no ref main here");
  });
});

describe("what a person needs is left", () => {
  it.each([
    "Bad credentials",
    "Missing Bearer or Basic or Token, want application/json from action-runs",
    "No ref found for: main, flag on",
    '{"message":"Workflow does not have \'workflow_dispatch\' trigger","status":"422"}',
    "Größe 日本語 \u{1f680}",
  ])("%s", (text) => expect(excerpt(text, SECRETS)).toBe(text));
});

describe("no splitting hides a secret", () => {
  const separators = {
    NUL: "\0",
    "a line feed": "\n",
    "many blanks": " \t\u00a0\u3000 ",
    "a zero-width space": "\u200b",
    "a joiner and a byte order mark": "\u200d\ufeff",
    "a right-to-left override": "\u202e",
    "a soft hyphen": "\u00ad",
    "a Hangul filler": "\u3164",
    "a line separator": "\u2028",
    "a private character": "\ue000",
    "a replacement character": "\ufffd",
    "a backslash": "\\",
  };
  it.each(Object.entries(separators))("%s", (_, separator) => {
    expect(excerpt(`a ${[..."sEc-ret"].join(separator)} b`, ["sec-RET"])).toBe("a [redacted] b");
    expect(excerpt("a sec-ret b", [[..."sec-ret"].join(separator)])).toBe("a [redacted] b");
  });

  it("bytes that are no UTF-8", () => {
    expect(excerptOf(Uint8Array.of(0x73, 0x65, 0xff, 0x63, 0xc3, 0x72, 0x2e), false, ["secr"])).toBe(
      "[redacted].",
    );
  });
});

describe("secrets that touch or hold each other go whole", () => {
  it.each([
    ["one in another", ["bcd", "abcde", "cde"], "-abcde-", "-[redacted]-"],
    ["one begins another", ["abc", "abcde", "abcdef"], "-abcdex-abcx-", "-[redacted]x-[redacted]x-"],
    ["two that overlap", ["abcdef", "defghi"], "-abcdefghi-", "-[redacted]-"],
    ["one that overlaps itself", ["abab"], "-ababab-", "-[redacted]-"],
    ["one that is part of the mark", ["redacted", "act"], "an act", "an [redacted]"],
    ["what is left around one is no new one", ["abcd", "wxyz"], "ababcdcd", "ab[redacted]cd"],
    ["many", ["abc"], "abc, abc", "[redacted], [redacted]"],
    ["a shorter one that only sorts between", ["abc", "abcaaa", "abcb"], "-abcad-", "-[redacted]ad-"],
  ])("%s", (_, secrets, text, expected) => {
    expect(excerpt(text, secrets)).toBe(expected);
    expect(excerpt(text, secrets.toReversed())).toBe(expected);
  });

  it("ignores secrets of which nothing to look for is left", () => {
    expect(excerpt("a b c", ["", " ", "\\\\\\", "\0\0\0\0", "a"])).toBe("a b c");
  });
});

describe("a secret cut off at the end of what was read", () => {
  const spelled = [HMAC, REQUEST.callbackToken, encodeURIComponent(PASSWORD), "k-9", "\u{1f680}\u{1f680}é"];
  it.each(spelled)("shows nothing of %s, wherever the cut is", (secret) => {
    const secrets = [...SECRETS, "\u{1f680}\u{1f680}é"];
    const whole = encoder.encode(secret);
    for (let length = 1; length <= whole.length; length++) {
      // Blanks shrink, so that the end of what was read is in view.
      const head = encoder.encode("~".padEnd(ANSWER_READ_MAX_BYTES - length));
      const answer = new Uint8Array([...head, ...whole, ...encoder.encode("and so on")]);
      const read = answer.subarray(0, ANSWER_READ_MAX_BYTES);
      expect(excerptOf(read, true, secrets)).toMatch(/^~ ?(\[redacted\]|\ufffd)?…$/u);
      expect(excerptOf(answer, false, secrets)).toBe(excerptOf(read, true, secrets));
      if (length >= 4 && length < whole.length && secret === HMAC) {
        expect(excerptOf(read, false, secrets)).toBe("~ [redacted]");
      }
    }
  });

  it("is not brought into view by what was taken out before it", () => {
    const long = `<${"x".repeat(400)}>`;
    for (let length = 1; length < HMAC.length; length++) {
      const text = `${`${long} `.repeat(9)}${HMAC.slice(0, length)}`;
      expect(excerpt(text, [long, HMAC], true)).toBe(`${"[redacted] ".repeat(10).trim()}…`);
    }
  });

  it("leaves an end of three characters that was not cut", () => {
    expect(excerpt("value: 012", [HMAC])).toBe("value: 012");
    expect(excerpt("value: 0123", [HMAC])).toBe("value: [redacted]");
  });

  it("is found when the secret is longer than all that is read", () => {
    const body = JSON.stringify({ text: "0123456789".repeat(20_000) });
    expect(excerpt(body, secretsOf({ ...REQUEST, body }), true)).toBe('{"text":"[redacted]…');
  });
});

describe("the length", () => {
  it.each([
    ["ends at the limit", "é".repeat(EXCERPT_MAX_CHARACTERS), false, "é".repeat(EXCERPT_MAX_CHARACTERS)],
    [
      "is cut beyond it",
      "é".repeat(EXCERPT_MAX_CHARACTERS + 1),
      false,
      `${"é".repeat(EXCERPT_MAX_CHARACTERS - 1)}…`,
    ],
    [
      "counts code points",
      "\u{1f680}".repeat(600),
      false,
      `${"\u{1f680}".repeat(EXCERPT_MAX_CHARACTERS - 1)}…`,
    ],
    ["says that more came", "short", true, "short…"],
    ["is nothing for nothing", "", false, ""],
    ["is nothing for blanks", " \r\n\0\u200b ", false, ""],
  ])("%s", (_, text, isCut, expected) => {
    expect(excerpt(text, [], isCut)).toBe(expected);
  });
});

describe("bytes of any kind", () => {
  const garbage = Uint8Array.from(
    { length: ANSWER_READ_MAX_BYTES },
    (_, at) => (at * 151 + (at >> 3) * 89) % 256,
  );
  it("make one line without control, hidden or half characters", async () => {
    const gzip = new Response("hello ".repeat(2000)).body?.pipeThrough(new CompressionStream("gzip"));
    const zipped = new Uint8Array(await new Response(gzip).arrayBuffer());
    const hidden = encoder.encode("\u001b[31m\u202eab\u2066c\u2029d\u{e0041}e\u0085f\u061c");
    for (const bytes of [garbage, zipped, hidden, zipped.subarray(0, 11), Uint8Array.of(0xf0, 0x9f)]) {
      for (const isCut of [true, false]) {
        const shown = excerptOf(bytes, isCut, SECRETS);
        expect(shown).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]| {2}/u);
        expect([...shown].length).toBeLessThanOrEqual(EXCERPT_MAX_CHARACTERS);
      }
    }
    expect(excerptOf(hidden, false, [])).toBe("[31mabc de f");
  });
});

describe("what counts as a secret", () => {
  it("is each once, of three characters or more, and nothing of harmless headers", () => {
    expect(new Set(SECRETS).size).toBe(SECRETS.length);
    expect(SECRETS.filter((secret) => secret.length < 3)).toEqual([]);
    for (const harmless of ["application/json", "action-runs", "Basic", "Token", "main", "on"]) {
      expect(SECRETS).not.toContain(harmless);
    }
  });

  it("is in a body under `__proto__` and the names of Object's own too", () => {
    const body =
      '{"__proto__":{"secret":"s3c"},"constructor":{"toString":"long-enough"},"hasOwnProperty":"longer-still"}';
    const secrets = secretsOf({ ...REQUEST, body });
    for (const secret of ["s3c", "long-enough", "longer-still"]) expect(secrets).toContain(secret);
    const headers = JSON.parse('{"__proto__":"proto-value","constructor":"constructor-value"}');
    expect(secretsOf({ ...REQUEST, headers })).toEqual(
      expect.arrayContaining(["proto-value", "constructor-value"]),
    );
  });

  it.each([
    ["nothing", ""],
    ["JSON that stops", '{"token":"abc'],
    ["a stray percent", "token=%&%zz=%E0%A4%A"],
    ["half a surrogate pair", '{"token":"a\\ud800b","text":"\\udfff \\ud83d long enough"}'],
    ["half a pair as it is", "\ud800=\udfff"],
    ["null", "null"],
    ["a number", "12"],
    ["many brackets", "[".repeat(200_000)],
    ["deep JSON", `${"[".repeat(5000)}"deep-down-here"${"]".repeat(5000)}`],
    ["many ampersands", "&=".repeat(100_000)],
  ])("never throws: %s", (_, body) => {
    for (const url of [REQUEST.url, "", "https://", "not an address", "https://x.example/%?%=%&\ud800"]) {
      const headers = { authorization: "Basic !!!", "x-odd": '\ud800=;,"=', "": "" };
      const secrets = secretsOf({ url, headers, body, signingSecret: "", callbackToken: "" });
      expect(excerptOf(encoder.encode(body), false, secrets).length).toBeLessThanOrEqual(
        EXCERPT_MAX_CHARACTERS,
      );
    }
  });

  it("is found deep in a body, and in half a surrogate pair as JSON writes it", () => {
    const deep = `${"[".repeat(5000)}"deep-down-here"${"]".repeat(5000)}`;
    expect(excerpt("at deep-down-here.", secretsOf({ ...REQUEST, body: deep }))).toBe("at [redacted].");
    const body = '{"token":"a\\ud800b!"}';
    expect(excerpt(body, secretsOf({ ...REQUEST, body }))).toBe('{"token":"[redacted]"}');
  });

  it("grows with the body and no faster: a word of thousands has few spellings, none of them in base64", () => {
    const secrets = (words: number, before: string) => {
      const items = Array.from({ length: words }, (_, at) => `${before}item-${at}-${"y".repeat(40)}`);
      return secretsOf({ ...REQUEST, body: JSON.stringify({ items }) });
    };
    const many = secrets(5500, "");
    expect(many.length - secrets(500, "").length).toBe(5000);
    expect(secrets(5500, '"é & ').length - secrets(500, '"é & ').length).toBe(5 * 5000);
    const echo = `item-4999-${"y".repeat(40)}`;
    expect(excerpt(`${echo}, `.repeat(80), many)).toBe(excerpt("[redacted], ".repeat(80), []));
  });
});
