/**
 * Which names a token may have. PURE. A name grants nothing, but people read it in `createdBy` and `triggeredBy`. So a
 * name must not look like the operator's, and must not contain invisible characters.
 */

/** Zero-width, bidirectional and other characters that are invisible or change how a name looks. */
export const INVISIBLE = /[\p{Cf}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}]/u;

/**
 * Characters that most fonts draw like the letters of "root", in lower case, after Unicode's confusables (UTS #39).
 * NFKD already handles full width and accents, so they are missing here.
 */
const LOOK_ALIKES: Readonly<Record<string, string>> = {
  r: "гґғᴦⲅꮁʀɍɼɽɾꞃꞧꭇꭈꭱꮢꓣᖇ🅡🆁",
  o: "0оοσόөѳօøɵᴏᴑꬽⲟჿዐଠഠ๐໐၀०০੦૦୦௦౦೦൦٥۵ہهסⵔⵙ〇ꓳ𐐬○◯●◦°⚪⭕🅞🅾",
  t: "тτᴛŧƭʈƫȶⲧꞇꭲꓔ†+⊤🅣🆃",
  oo: "∞ꝏꚙꙭɷ",
};

const FOLDED: ReadonlyMap<string, string> = new Map(
  Object.entries(LOOK_ALIKES).flatMap(([letter, alikes]) => [...alikes].map((alike) => [alike, letter])),
);

/** Whether a reader could mistake the name for the operator's. Marks, spaces and punctuation make no difference. */
export function looksLikeRoot(name: string): boolean {
  const folded = [...name.normalize("NFKD").toLowerCase()].map((one) => FOLDED.get(one) ?? one).join("");
  return folded.replaceAll(/[^\p{L}\p{N}]/gu, "") === "root";
}
