/**
 * Every text that a receiver's answer can be read as: as it came, and with the usual encodings removed, in any order. PURE.
 * It knows nothing of secrets.
 *
 * An answer has at most 4 KiB. An answer with more layers of encoding than the bounds below allow has no readings at all.
 */

/** Layers of escapes that are removed. JSON, HTML and percent escapes count as one layer. */
const LAYERS_MAX = 6;
/** Layers of base64, hex or byte lists. Each of these has several readings. */
const BYTE_LAYERS_MAX = 2;
/** In all readings together. A page of 4 KiB has some 30 000. */
const CHARACTERS_MAX = 128 * 1024;

const UNSEEN = /[\s\p{Z}\p{C}\p{Default_Ignorable_Code_Point}]+/gu;
const ESCAPE = /\\(?:[ux]\{([0-9a-f]{1,6})\}|u([0-9a-f]{4})|x([0-9a-f]{2})|([0-7]{2,3})|([btnfrv])|(.))/gis;
const ENTITY = /&(?:#x([0-9a-f]{1,6});?|#([0-9]{1,7});?|([a-z]+);|(amp|lt|gt|quot))/gi;
const PERCENT = /%u([0-9a-f]{4})|(?:%[0-9a-f]{2})+/gi;
/** Only names of ASCII characters, because `formsOf` also compares without all others. */
const ENTITIES: Readonly<Record<string, string>> = {
  ...{ amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", sol: "/", bsol: "\\", plus: "+", equals: "=" },
  ...{ percnt: "%", colon: ":", semi: ";", comma: ",", period: ".", lowbar: "_", hyphen: "-", dash: "-" },
  ...{ num: "#", excl: "!", quest: "?", commat: "@", ast: "*", dollar: "$", grave: "`", hat: "^" },
  ...{ lpar: "(", rpar: ")", lsqb: "[", lbrack: "[", rsqb: "]", rbrack: "]", verbar: "|", vert: "|" },
  ...{ lcub: "{", lbrace: "{", rcub: "}", rbrace: "}", underbar: "_", midast: "*" },
};

const BASE64_RUN = /[a-z0-9+/]{4,}/gi;
const HEX_RUN = /[0-9a-f]{6,}/gi;
const BYTE_LIST = /\d{1,3}(?:,\d{1,3}){2,}/g;

/** The readings in the forms that are compared, or null if the answer has more to decode than the bounds allow. */
export function readingsOf(bytes: Uint8Array): readonly string[] | null {
  const queue = ["utf-8", "utf-16le", "utf-16be"].map((encoding) => {
    const text = visible(new TextDecoder(encoding).decode(bytes));
    return { text, layers: 0, byteLayers: 0 };
  });
  const seen = new Set<string>();
  const readings = new Set<string>();
  let characters = 0;
  // The loop also visits what it pushes.
  for (const { text, layers, byteLayers } of queue) {
    if (text === "" || seen.has(text)) continue;
    seen.add(text);
    characters += text.length;
    if (characters > CHARACTERS_MAX) return null;
    for (const form of formsOf(text)) readings.add(form);
    const escaped = unescaped(text);
    if (escaped !== text) {
      if (layers === LAYERS_MAX) return null;
      queue.push({ text: escaped, layers: layers + 1, byteLayers });
    }
    if (byteLayers === BYTE_LAYERS_MAX) continue;
    for (const inside of decodedBytes(text)) {
      queue.push({ text: visible(inside), layers, byteLayers: byteLayers + 1 });
    }
  }
  return [...readings];
}

/** How a secret can stand in a reading: as it is, and with up to two layers of its own escapes removed. */
export function secretForms(secret: string): readonly string[] {
  const text = visible(secret);
  const once = unescaped(text);
  return [...new Set([text, once, unescaped(once)].flatMap(formsOf))];
}

/**
 * The forms of a visible text that are compared. Case, backslashes and the alphabet of base64 don't count. A plus can be a
 * blank of a form, and another encoding can lose characters beyond ASCII, so there are forms without them.
 */
function formsOf(text: string): readonly string[] {
  const forms = [comparable(text)];
  if (text.includes("+")) forms.push(comparable(text.replaceAll("+", "")));
  const ascii = text.replace(/[^ -~]+/g, "");
  if (ascii !== text) forms.push(comparable(ascii));
  return forms;
}

function comparable(text: string): string {
  return text
    .replace(/[\\\uFFFD]+/g, "")
    .replaceAll("-", "+")
    .replaceAll("_", "/")
    .toLowerCase();
}

/** Without characters that split a text and can't be seen. */
function visible(text: string): string {
  return text.replace(UNSEEN, "");
}

/** Removes one layer of JSON, HTML and percent escapes. */
function unescaped(text: string): string {
  if (!/[\\&%]/.test(text)) return text;
  const plain = text
    .replace(ESCAPE, (_, braced, unicode, byte, octal, control, other) => {
      if (control !== undefined) return "";
      if (other !== undefined) return other;
      const hex = braced ?? unicode ?? byte;
      return character(hex === undefined ? Number.parseInt(octal, 8) : Number.parseInt(hex, 16));
    })
    .replace(ENTITY, (_, hex, decimal, closed, open) => {
      const name: string | undefined = closed ?? open;
      if (name !== undefined) return ENTITIES[name.toLowerCase()] ?? "";
      return character(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16));
    })
    .replace(PERCENT, (run: string, unicode) =>
      unicode === undefined
        ? new TextDecoder().decode(Uint8Array.fromHex(run.replaceAll("%", "")))
        : character(Number.parseInt(unicode, 16)),
    );
  return visible(plain);
}

function character(code: number): string {
  return code > 0x10ffff ? "" : String.fromCodePoint(code);
}

/** Decodes every run of base64, hex or byte numbers, from each place in the run where an encoding can begin. */
function decodedBytes(text: string): readonly string[] {
  const standard = text.replaceAll("-", "+").replaceAll("_", "/");
  const base64 = [0, 1, 2, 3].map((skipped) =>
    decodedRuns(standard, BASE64_RUN, (run) => {
      const from = run.slice(skipped);
      // One digit after the last four makes no byte.
      return Uint8Array.fromBase64(from.length % 4 === 1 ? from.slice(0, -1) : from);
    }),
  );
  const hex = [0, 1].map((skipped) =>
    decodedRuns(text, HEX_RUN, (run) => {
      const whole = run.length - ((run.length - skipped) % 2);
      return Uint8Array.fromHex(run.slice(skipped, whole));
    }),
  );
  const listed = decodedRuns(text, BYTE_LIST, (run) => Uint8Array.from(run.split(","), Number));
  return [...base64, ...hex, listed];
}

function decodedRuns(text: string, runs: RegExp, decode: (run: string) => Uint8Array): string {
  const decoder = new TextDecoder();
  return (text.match(runs) ?? []).map((run) => decoder.decode(decode(run))).join("");
}
