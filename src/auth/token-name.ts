/**
 * What a token may be called. A name is for people and decides nothing; ids do. But people read `createdBy` and
 * `triggeredBy`, so no name may look like the operator's, and none may hold what nobody can see. PURE.
 */

/** Zero-width, bidirectional and other characters that change how a name looks, or that do not show at all. */
const INVISIBLE = /[\p{Cf}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}]/u;

/**
 * Characters that most fonts draw like r, o or t, after Unicode's confusables (UTS #39), in lower case. Only these three
 * letters matter. What NFKD takes apart, such as full width or accents, need not stand here.
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

export function holdsInvisible(name: string): boolean {
  return INVISIBLE.test(name);
}

/** Whether a reader could take the name for the operator's. Marks, spaces and punctuation do not make it another. */
export function looksLikeRoot(name: string): boolean {
  const folded = [...name.normalize("NFKD").toLowerCase()].map((one) => FOLDED.get(one) ?? one).join("");
  return folded.replaceAll(/[^\p{L}\p{N}]/gu, "") === "root";
}
