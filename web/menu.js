// A menu button, as the WAI-ARIA practices have it: arrows, Home and End, letters, Esc, and the focus.

/** Make a button open the menu that it controls; an item's own click does what the item does. */
export function makeMenu(opener) {
  const menu = document.getElementById(opener.getAttribute("aria-controls"));
  const items = () => [...menu.querySelectorAll("[role=menuitem]:not([hidden])")];
  const isOpen = () => !menu.hidden;

  function open(place) {
    menu.hidden = false;
    opener.setAttribute("aria-expanded", "true");
    items().at(place).focus();
  }

  function close({ isReturning = false } = {}) {
    if (!isOpen()) return;
    menu.hidden = true;
    opener.setAttribute("aria-expanded", "false");
    if (isReturning) opener.focus();
  }

  function move(key) {
    const [all, at] = [items(), items().indexOf(document.activeElement)];
    const places = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 };
    if (key in places) return all.at(places[key] % all.length).focus();
    const behind = [...all.slice(at + 1), ...all];
    behind.find((item) => item.textContent.trim().toLowerCase().startsWith(key.toLowerCase()))?.focus();
  }

  opener.addEventListener("click", () => (isOpen() ? close() : open(0)));
  opener.addEventListener("keydown", (event) => {
    if (!["ArrowDown", "ArrowUp"].includes(event.key)) return;
    event.preventDefault();
    open(event.key === "ArrowDown" ? 0 : -1);
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Tab") return close();
    if (["Enter", " "].includes(event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation(); // Esc closes the menu, and stops no reply
    if (event.key === "Escape") close({ isReturning: true });
    else move(event.key);
  });
  menu.addEventListener("click", () => close({ isReturning: true }));
  document.addEventListener("pointerdown", ({ target }) => {
    if (!menu.contains(target) && !opener.contains(target)) close();
  });
  addEventListener("hashchange", () => close());
}
