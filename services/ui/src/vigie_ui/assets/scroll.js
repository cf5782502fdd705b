// On a phone the verdict, or the tweet to check, is below the fold: bring it into view, once, without taking the
// focus away.
let shown = "";

export default function ({ data }) {
  const asked = `${data.target} ${data.turn}`;
  if (asked === shown) return;
  shown = asked;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  requestAnimationFrame(() => {
    document.querySelector(data.target)?.scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
  });
}
