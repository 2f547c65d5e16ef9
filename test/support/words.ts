/** A list of texts without blanks, as a row of a table has it. Use `String.raw` for texts that have backslashes. */
export function words(text: string): string[] {
  return text.trim().split(/[ \n]+/);
}
