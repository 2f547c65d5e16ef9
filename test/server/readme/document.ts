/**
 * Finds the fenced code blocks of a Markdown text, and what to do with each. PURE. It does not know how a block is run.
 *
 * A comment on the line above a fence is about that block: `<!-- not run: reason -->` prevents a run, and
 * `<!-- answers 409 -->` says that its last response has this status. Any other error response fails the test.
 */

const FENCE = /^( *)(`{3,}|~{3,})\s*([^\s`]*)/;
const NOT_RUN = /^\s*<!--\s*not run\b:?(.*?)-->\s*$/;
const ANSWERS = /^\s*<!--\s*answers (\d{3})\s*-->\s*$/;

export interface Block {
  /** Where the fence begins: `README.md:15`. */
  readonly at: string;
  readonly language: string;
  readonly text: string;
  /** Why the block is not run; empty if the mark has no reason; null if the block is run. */
  readonly notRun: string | null;
  /** The expected error status of the last response; null if no response may be an error. */
  readonly answers: number | null;
}

/** All blocks in order. Throws at a fence that is not closed, and at a mark without a fence below it. */
export function blocksOf(document: string, markdown: string): readonly Block[] {
  const lines = markdown.split("\n");
  const blocks: Block[] = [];
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] ?? "";
    const [opening, indent = "", fence = "", language = ""] = FENCE.exec(line) ?? [];
    if (opening === undefined) {
      const isMark = NOT_RUN.test(line) || ANSWERS.test(line);
      if (!isMark || FENCE.test(lines[index + 1] ?? "")) continue;
      throw new Error(`${document}:${index + 1}: no block begins on the line below this mark; move it there.`);
    }
    const at = `${document}:${index + 1}`;
    const end = lines.findIndex((other, place) => place > index && isClosing(other, fence));
    if (end === -1) throw new Error(`${at}: this block is never closed.`);
    const mark = lines[index - 1] ?? "";
    const status = ANSWERS.exec(mark)?.[1];
    blocks.push({
      at,
      language,
      text: lines
        .slice(index + 1, end)
        .map((inside) => (inside.startsWith(indent) ? inside.slice(indent.length) : inside.trimStart()))
        .join("\n"),
      notRun: NOT_RUN.exec(mark)?.[1]?.trim() ?? null,
      answers: status === undefined ? null : Number(status),
    });
    index = end;
  }
  return blocks;
}

/** One sentence for each block that can be neither run nor left out. `runnable`: the languages that can be run. */
export function faultsOf(blocks: readonly Block[], runnable: readonly string[]): readonly string[] {
  const faults: string[] = [];
  let ran = false;
  for (const { at, language, notRun } of blocks) {
    if (notRun !== null) {
      if (!/\w/.test(notRun)) faults.push(`${at}: say why it is not run: <!-- not run: reason -->.`);
      ran = false;
    } else if (runnable.includes(language)) {
      ran = true;
    } else if (language !== "json") {
      faults.push(`${at}: nobody knows how to run "${language}"; mark it above its fence: <!-- not run: reason -->.`);
    } else if (!ran) {
      faults.push(`${at}: this JSON follows no block that is run, so there is no answer to compare it with.`);
    }
  }
  return faults;
}

function isClosing(line: string, fence: string): boolean {
  const text = line.trim();
  return text.length >= fence.length && text === fence.charAt(0).repeat(text.length);
}
