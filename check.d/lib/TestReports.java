// SPDX-License-Identifier: Apache-2.0
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.xml.parsers.DocumentBuilder;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/**
 * Counts the tests of JUnit's XML reports and prints those that failed or were skipped.
 *
 * <p>{@code java TestReports.java COUNTS LIST}: LIST has the names of the reports, one a line;
 * "passed failed" goes to COUNTS. A report that cannot be read counts as a failure.
 */
class TestReports {
  private int passed;
  private int failed;

  public static void main(String[] args) throws Exception {
    TestReports reports = new TestReports();
    for (String file : Files.readAllLines(Path.of(args[1]))) {
      reports.read(file);
    }
    Files.writeString(Path.of(args[0]), reports.passed + " " + reports.failed + "\n");
  }

  private void read(String file) throws Exception {
    DocumentBuilder builder = DocumentBuilderFactory.newInstance().newDocumentBuilder();
    builder.setErrorHandler(null);
    NodeList cases;
    try {
      cases = builder.parse(file).getElementsByTagName("testcase");
    } catch (IOException | org.xml.sax.SAXException e) {
      failed++;
      System.out.println("  FAILED   report " + file + ": " + e.getMessage());
      return;
    }
    for (int i = 0; i < cases.getLength(); i++) {
      count((Element) cases.item(i));
    }
  }

  private void count(Element test) {
    for (String kind : new String[] {"failure", "error"}) {
      Element problem = (Element) test.getElementsByTagName(kind).item(0);
      if (problem != null) {
        failed++;
        System.out.println("  FAILED   " + name(test));
        print(problem, 12);
        return;
      }
    }
    Element skipped = (Element) test.getElementsByTagName("skipped").item(0);
    if (skipped != null) {
      System.out.println("  skipped  " + name(test));
      print(skipped, 1);
    } else {
      passed++;
    }
  }

  private static String name(Element test) {
    return test.getAttribute("classname") + " " + test.getAttribute("name");
  }

  /** The message, without the stack. */
  private static void print(Element problem, int lines) {
    String text = problem.getAttribute("message");
    if (text.isBlank()) {
      text = problem.getTextContent().isBlank() ? problem.getAttribute("type") : problem.getTextContent();
    }
    text.lines()
        .filter(line -> !line.isBlank() && !line.startsWith("\tat "))
        .limit(lines)
        .forEach(line -> System.out.println("           " + line));
  }
}
