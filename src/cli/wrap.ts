/** Breaks lines between words, because a terminal breaks them in the middle of a word. Counts cells. PURE. */

import stringWidth from "string-width";

/** In fewer cells, text with a word in each line is harder to read than text that the terminal breaks. */
const LEAST_CELLS = 20;

/**
 * The text in lines of at most `cells` cells. A longer word, such as a URL, stays whole. A new line is indented like the
 * line that it continues, and by `hang` cells more.
 */
export function wrap(text: string, cells: number, hang = 0): string {
  if (cells - hang < LEAST_CELLS) return text;
  return text
    .split("\n")
    .map((line) => wrapLine(line, cells, hang))
    .join("\n");
}

function wrapLine(line: string, cells: number, hang: number): string {
  if (stringWidth(line) <= cells) return line;
  const indent = " ".repeat((/^ */.exec(line)?.[0].length ?? 0) + hang);
  let lines = "";
  let current = "";
  for (const word of line.match(/ *[^ ]+/g) ?? []) {
    if (current === "" || stringWidth(current + word) <= cells) current += word;
    else {
      lines += `${current}\n`;
      current = indent + word.trimStart();
    }
  }
  return lines + current;
}

/**
 * Joins the lines of each paragraph, and breaks them for `cells`. Indented lines are examples, which stay as they are,
 * or a list: a word, two spaces and a text.
 */
export function reflow(text: string, cells: number): string {
  return text
    .replace(/(?<=^\S.*)\n(?=\S)/gm, " ")
    .split("\n")
    .map((line) => {
      const [item = ""] = /^ +\S+ {2,}(?=\S)/.exec(line) ?? [];
      if (item !== "") return wrap(line, cells, item.trimStart().length);
      return line.startsWith(" ") ? line : wrap(line, cells);
    })
    .join("\n");
}
