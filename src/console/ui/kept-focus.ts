/**
 * Keeps the keyboard's place. When the element with the focus leaves the page, as a button does when its run ends, the part of
 * the page around it gets the focus. Otherwise a screen reader would start again at the top.
 */

/** The parts that can have the focus: the page, one run, a dialog. */
const PARTS = "[tabindex='-1']";

export function keepFocus(document: Document): void {
  // The element that got the focus last, and those around it, from the inside to the outside.
  let around: readonly HTMLElement[] = [];
  document.addEventListener("focusin", ({ target }) => {
    around = target instanceof HTMLElement ? withAncestors(target) : [];
  });
  new MutationObserver(() => {
    const isGone = around[0]?.isConnected === false;
    if (!isGone || document.activeElement !== document.body) return;
    const part = around.find((element) => element.isConnected && element.matches(PARTS));
    (part ?? document.querySelector("main"))?.focus({ preventScroll: true });
  }).observe(document.body, { childList: true, subtree: true });
}

function withAncestors(element: HTMLElement): readonly HTMLElement[] {
  const { parentElement } = element;
  return parentElement === null ? [element] : [element, ...withAncestors(parentElement)];
}
