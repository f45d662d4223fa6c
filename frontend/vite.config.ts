import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const source = fileURLToPath(new URL("./src", import.meta.url));

/** Django on its usual port; `npm run dev` forwards to it what is not the app's. */
const server = process.env.R1WEB_SERVER ?? "http://127.0.0.1:8000";

export default defineConfig({
  base: "/static/app/",
  plugins: [react()],
  resolve: { alias: { "@": source } },
  build: {
    outDir: "../r1web/static/app",
    emptyOutDir: true,
    manifest: true,
    cssTarget: ["chrome123", "firefox120", "safari17.5"], // the first that know light-dark()
    assetsInlineLimit: 0, // the content security policy allows no data: fonts
    rollupOptions: { input: "src/main.tsx" },
  },
  server: {
    proxy: {
      "/api": server,
      "/admin": server,
      "/signin": server,
      "/ws": { target: server, ws: true },
    },
  },
  test: {
    environment: "jsdom",
    setupFiles: ["src/testing/setup.ts"],
    restoreMocks: true,
    testTimeout: 60_000, // a busy machine must not fail a test
  },
});
