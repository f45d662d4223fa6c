import "@testing-library/jest-dom/vitest";
import { cleanup, configure } from "@testing-library/react";
import { afterEach } from "vitest";

afterEach(cleanup);
configure({ asyncUtilTimeout: 10_000 }); // a busy machine must not fail a test

// What browsers have and jsdom lacks.
HTMLDialogElement.prototype.showModal = function showModal() {
  this.open = true;
};
window.matchMedia = (media) => ({
  media,
  matches: false,
  onchange: null,
  addEventListener: () => undefined,
  removeEventListener: () => undefined,
  addListener: () => undefined,
  removeListener: () => undefined,
  dispatchEvent: () => true,
});
Element.prototype.scrollIntoView = () => undefined;
window.scrollTo = () => undefined;
