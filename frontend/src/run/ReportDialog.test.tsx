import { render, screen } from "@testing-library/react";
import { expect, test } from "vitest";
import type { RunDetail } from "@/api/queries";
import { runRow } from "@/testing/rows";
import { ReportDialog } from "./ReportDialog";

test("each form of the report and the bundle are links to the run's own", () => {
  render(<ReportDialog run={runRow() as RunDetail} onClose={() => undefined} />);
  const links = screen.getAllByRole("link", { hidden: true });
  expect(links.map((link) => [link.textContent, link.getAttribute("href")])).toEqual([
    ["Page", "/api/v1/runs/12/report?format=html"],
    ["PDF", "/api/v1/runs/12/report?format=pdf"],
    ["Model card", "/api/v1/runs/12/report?format=md"],
    ["Bundle", "/api/v1/runs/12/bundle"],
  ]);
});
