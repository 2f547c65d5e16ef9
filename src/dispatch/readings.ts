/**
 * Everything that a receiver's answer can be read as: as it came, and with the usual encodings taken off, in any mixture.
 * PURE. It knows nothing of secrets.
 *
 * Work is bounded by steps: an answer has at most 4 KiB, and one that is encoded more deeply than is looked into has
 * no readings at all.
 */

/** Any 8 consecutive characters of a secret give it away; of a shorter one it is the whole. */
export const WINDOW = 8;

/** How many encodings may lie over each other. JSON, HTML and percent escapes of one place count as one. */
const LAYERS_MAX = 6;
/** How many of them may be base64, hex or lists of bytes, each of which has several readings. */
const BYTE_LAYERS_MAX = 2;
/** Of all readings together. A page of 4 KiB comes to some 30 000. */
const CHARACTERS_MAX = 128 * 1024;

const UNSEEN = /[\s\p{Z}\p{C}\p{Default_Ignorable_Code_Point}]+/gu;
const ESCAPE = /\\(?:[ux]\{([0-9a-f]{1,6})\}|u([0-9a-f]{4})|x([0-9a-f]{2})|([0-7]{2,3})|([btnfrv])|(.))/gis;
const ENTITY = /&(?:#x([0-9a-f]{1,6});?|#([0-9]{1,7});?|([a-z]+);|(amp|lt|gt|quot))/gi;
const PERCENT = /%u([0-9a-f]{4})|(?:%[0-9a-f]{2})+/gi;
/** Of what stands for ASCII; a letter beyond it is left out on both sides. See `formsOf`. */
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

interface Layer {
  readonly text: string;
  readonly layers: number;
  readonly byteLayers: number;
}

/** The readings of an answer in the forms that are compared, or null where there is more to decode than is looked into. */
export function readingsOf(bytes: Uint8Array): readonly string[] | null {
  const queue: Layer[] = ["utf-8", "utf-16le", "utf-16be"].map((encoding) => {
    const text = visible(new TextDecoder(encoding).decode(bytes));
    return { text, layers: 0, byteLayers: 0 };
  });
  const seen = new Set<string>();
  const readings = new Set<string>();
  let characters = 0;
  // The loop also walks what is pushed meanwhile.
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

/** How many layers of its own escapes a receiver may have taken off a value before it echoed that. */
const SECRET_LAYERS_MAX = 2;

/** `secret` as it may stand in a reading: as it is, and with its own escapes taken off, as whoever received it may have done. */
export function secretForms(secret: string): readonly string[] {
  let text = visible(secret);
  const forms = new Set(formsOf(text));
  for (let layer = 0; layer < SECRET_LAYERS_MAX && /[\\&%]/.test(text); layer++) {
    const next = unescaped(text);
    if (next === text) break;
    text = next;
    for (const form of formsOf(text)) forms.add(form);
  }
  return [...forms];
}

/**
 * What of a visible text is compared. Case and backslashes don't count, nor which alphabet base64 has. A plus may be a
 * blank of a form, and letters beyond ASCII may be lost in an encoding that is not ours, so both are tried without.
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

/** Without anything that splits text unseen. */
function visible(text: string): string {
  return text.replace(UNSEEN, "");
}

/** One layer of JSON, HTML and percent escapes taken off. */
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

/** What every run of base64, hex or byte numbers says, wherever in the run an encoding began. */
function decodedBytes(text: string): readonly string[] {
  const standard = text.replaceAll("-", "+").replaceAll("_", "/");
  const base64 = [0, 1, 2, 3].map((skipped) =>
    decodedRuns(standard, BASE64_RUN, (run) => {
      const from = run.slice(skipped);
      // A single digit beyond the last four holds no byte.
      const whole = from.length % 4 === 1 ? from.slice(0, -1) : from;
      return Uint8Array.fromBase64(whole);
    }),
  );
  const hex = [0, 1].map((skipped) =>
    decodedRuns(text, HEX_RUN, (run) => {
      const from = run.slice(skipped);
      return Uint8Array.fromHex(from.slice(0, from.length - (from.length % 2)));
    }),
  );
  const listed = decodedRuns(text, BYTE_LIST, (run) => Uint8Array.from(run.split(","), Number));
  return [...base64, ...hex, listed];
}

function decodedRuns(text: string, runs: RegExp, decode: (run: string) => Uint8Array): string {
  const decoder = new TextDecoder();
  return (text.match(runs) ?? []).map((run) => decoder.decode(decode(run))).join("");
}
