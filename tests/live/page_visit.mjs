// A page's address, a token and a folder in; steps taken in headless Chromium, a line of JSON for each, screenshots out.
//
//     node page_visit.mjs http://127.0.0.1:8080/ TOKEN FOLDER
import { chromium } from "playwright-core";

const [address, token, folder] = process.argv.slice(2);
const tell = (step, value) => console.log(JSON.stringify({ step, value }));
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

async function open(width, height) {
  const context = await browser.newContext({ viewport: { width, height }, timezoneId: "UTC", locale: "en-GB" });
  const page = await context.newPage();
  page.setDefaultTimeout(15000);
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => message.type() === "error" && !message.text().includes("401") && complaints.push(message.text()));
  page.on("request", (request) => request.url().startsWith(address) || complaints.push(`asks ${request.url()}`));
  await page.goto(address);
  return { page, complaints };
}

async function isWide(page) {
  return page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
}

const phone = await open(390, 844);
const { page } = phone;
await page.locator('#service[data-state="authentic"]').waitFor();
await page.locator(".charger.restricted").waitFor();
tell("limit", await page.locator(".limit").innerText());
tell("reason", await page.locator(".reason").innerText());
await page.screenshot({ path: `${folder}/phone-limited.png` });
await page.locator('[data-what="today"]').click();
await page.locator("#confirm-token").fill("aaaa-bbbb-cccc-dddd");
await page.locator("#confirm-yes").click();
await page.getByText("This is not the token.").waitFor();
await page.screenshot({ path: `${folder}/phone-confirm.png` });
await page.locator("#confirm-token").fill(token);
await page.locator("#confirm-yes").click();
await page.locator('[data-what="clear"]').waitFor();
await page.locator(".charger:not(.restricted)").waitFor();
tell("overridden", await page.locator(".limit").innerText());
tell("held", await page.locator(".held").innerText());
await page.screenshot({ path: `${folder}/phone-overridden.png`, fullPage: true });
await page.locator('[data-what="clear"]').click();
await page.locator("#confirm-yes").click();
await page.locator(".charger.restricted").waitFor();
tell("cleared", await page.locator(".limit").innerText());
tell("wide on a phone", await isWide(page));
await page.locator("#show-engineer").click();
await page.locator("#spectrum canvas").waitFor();
tell("wide on a phone, signal", await isWide(page));
await page.screenshot({ path: `${folder}/phone-signal.png`, fullPage: true });

const desktop = await open(1280, 800);
await desktop.page.locator("#service[data-state]").waitFor();
await desktop.page.locator("#show-engineer").click();
await desktop.page.locator("#spectrum canvas").waitFor();
await desktop.page.waitForFunction(() => {
  const drawn = (id) => document.getElementById(id).getContext("2d").getImageData(0, 0, 600, 400).data.some((value) => value);
  return drawn("constellation") && drawn("eye");
});
tell("groups", (await desktop.page.locator("#groups").innerText()).split("\n").length);
tell("facts", await desktop.page.locator("#signal").innerText());
await desktop.page.screenshot({ path: `${folder}/desktop-signal.png` });
await desktop.page.emulateMedia({ colorScheme: "dark" });
await desktop.page.screenshot({ path: `${folder}/desktop-dark.png`, fullPage: true });
await desktop.page.locator("#show-installer").click();
await desktop.page.locator(".charger .reason").waitFor();
await desktop.page.screenshot({ path: `${folder}/desktop-limited.png` });
tell("complaints", [...phone.complaints, ...desktop.complaints]);
await browser.close();
