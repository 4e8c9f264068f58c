#include <gtest/gtest.h>

#include <string>

#include <turnpike/base/error.h>

#include "gallery.h"
#include "xml_check.h"

namespace turnpike {
namespace {

TEST(Page, IsWellFormed) {
  EXPECT_EQ(read_xml(gallery::page_html(Theme::system)).error, "");
  EXPECT_EQ(read_xml(Page("", "").html()).error, "");
}

// Law: a browser has nothing to fetch and nothing to run. Only links that a reader follows may name an address.
TEST(Page, RequestsNothing) {
  std::string html = gallery::page_html(Theme::system);
  XmlResult xml = read_xml(html);
  for (const XmlElement& e : xml.elements) {
    for (const char* name :
         {"script", "link", "iframe", "object", "embed", "img", "base", "form", "video", "audio", "source"})
      EXPECT_NE(e.name, name);
    for (const auto& [key, value] : e.attributes) {
      EXPECT_FALSE(key.starts_with("on")) << key;
      EXPECT_NE(key, "src");
      bool address = value.find("http:") != std::string::npos || value.find("https:") != std::string::npos ||
                     value.starts_with("//");
      if (key == "xmlns" || (e.name == "a" && key == "href")) continue;
      EXPECT_FALSE(address) << e.name << " " << key << "=" << value.substr(0, 60);
      if (key != "href") continue;
      EXPECT_TRUE(value.starts_with("data:image/png;base64,")) << value.substr(0, 60);
    }
    if (e.name == "style") {
      EXPECT_EQ(e.text.find("url("), std::string::npos);
      EXPECT_EQ(e.text.find("@import"), std::string::npos);
      EXPECT_EQ(e.text.find("http"), std::string::npos);
    }
  }
}

TEST(Page, RefusesAddressesThatRun) {
  Page page("t", "");
  EXPECT_THROW(page.section("s").prose("[x](javascript:alert%281%29)"), ContractError);
  EXPECT_THROW(page.section("s").prose("[x](data:text/html,x)"), ContractError);
  EXPECT_NO_THROW(page.section("s").prose("[x](other/report.html#a) [y](https://doi.org/10.1000/1)"));
}

TEST(Page, NumbersFiguresAndTables) {
  Page page("t", "r");
  Figure figure({.title = "First"});
  page.section("a").figure(figure, "one").table({.head = {"x"}, .rows = {{1.5}}, .caption = "numbers"});
  page.section("b")
      .figure(figure)
      .table({.head = {"x"}, .rows = {{1.5}}})
      .table({.head = {"x"}, .rows = {{1.5}}, .caption = "more"});
  std::string html = page.html();
  EXPECT_NE(html.find("<b>Figure 1.</b> <b>First.</b>"), std::string::npos);
  EXPECT_NE(html.find("<b>Figure 2.</b>"), std::string::npos);
  EXPECT_NE(html.find("href=\"figures/one.svg\""), std::string::npos);
  EXPECT_NE(html.find("href=\"data/one.csv\""), std::string::npos);
  EXPECT_NE(html.find("<b>Table 1.</b> numbers"), std::string::npos);
  EXPECT_NE(html.find("<b>Table 2.</b> more"), std::string::npos);
}

TEST(Page, ListsItsContentsWhenItIsLong) {
  Page page("t", "");
  for (const char* title : {"One", "Two", "Three", "Four"}) page.section(title);
  EXPECT_EQ(page.html().find("<nav"), std::string::npos);
  page.section("One");  // a second section of that name has its own anchor
  std::string html = page.html();
  EXPECT_NE(html.find("<a href=\"#s1-one\">One</a>"), std::string::npos);
  EXPECT_NE(html.find("<h2 id=\"s5-one\">One</h2>"), std::string::npos);
}

TEST(Page, AlignsNumbersAtTheirPoint) {
  Page page("t", "");
  page.section("s").table({.head = {"n", "text"}, .rows = {{12.5, "a"}, {0.4123, "b"}, {7, "c"}}});
  std::string html = page.html();
  EXPECT_NE(html.find("<td class=\"n\">12.5\u2007\u2007\u2007</td><td>a</td>"), std::string::npos);
  EXPECT_NE(html.find("<td class=\"n\">0.4123</td>"), std::string::npos);
  EXPECT_NE(html.find("<td class=\"n\">7\u2008\u2007\u2007\u2007\u2007</td>"), std::string::npos);
  EXPECT_THROW(page.section("s").table({.head = {"a", "b"}, .rows = {{1.0}}}), ContractError);
}

TEST(Page, SaysVerdictsInWords) {
  Page page("t", "");
  page.status(Status::fail, "1 of 3 fails");
  page.section("s").table({.head = {"v"}, .rows = {{Status::pass}, {Cell(Status::fail, "off by 3 %")}}});
  std::string html = page.html();
  EXPECT_NE(html.find("<span class=\"chip fail\">✗ 1 of 3 fails</span>"), std::string::npos);
  EXPECT_NE(html.find("<span class=\"chip pass\">✓ pass</span>"), std::string::npos);
  EXPECT_NE(html.find("<span class=\"chip fail\">✗ off by 3 %</span>"), std::string::npos);
}

TEST(Page, EscapesTextAndKeepsCodeVerbatim) {
  Page page("<b> & co", "x < y");
  page.section("<s>")
      .code("a **b** $x$ < \"c\"")
      .definitions({{"<k>", "`<v>`"}})
      .prose("see <i> & `a<b`")
      .cards({{.title = "<t>", .text = "w", .address = "a\"b.html"}});
  std::string html = page.html();
  EXPECT_EQ(read_xml(html).error, "");
  EXPECT_NE(html.find("a **b** $x$ &lt; &quot;c&quot;"), std::string::npos);
  EXPECT_EQ(html.find("<i>"), std::string::npos);
}

TEST(Page, ForcesAThemeOnRequest) {
  EXPECT_NE(Page("t", "").html(Theme::dark).find("<html lang=\"en\" data-theme=\"dark\">"), std::string::npos);
  EXPECT_EQ(Page("t", "").html().find("<html lang=\"en\" data-theme"), std::string::npos);
  EXPECT_NE(Page("t", "").html().find("@media(prefers-color-scheme:dark)"), std::string::npos);
}

}  // namespace
}  // namespace turnpike
