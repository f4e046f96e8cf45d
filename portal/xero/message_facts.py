"""What Xero says word for word, and why it says so: for each known message of `message_table`, by its number."""

from typing import NamedTuple


class Fact(NamedTuple):
    """`said` is the message as others have seen it, with an example where it names something; `why` its cause."""

    said: str
    why: str


FACTS: dict[int, Fact] = {
    1: Fact("Invoice # must be unique.", "Somebody or another app has used this invoice number in Xero."),
    2: Fact("Invoice not of valid status for modification", "It was voided, deleted or paid in Xero since."),
    3: Fact("Invoice not of valid status for creation", "New invoices begin as draft or awaiting payment."),
    4: Fact("Invoice not of valid type for creation", "The kind of document was missing or misspelt."),
    5: Fact("One or more line items must be specified", "HoopAI's invoice came without a single line."),
    6: Fact("A Contact must be specified for this type of transaction", "HoopAI's invoice names no customer."),
    7: Fact(
        "Account code '999' is not a valid code for this document.",
        "The account's code was changed in Xero, or it is an account of Xero's own that takes no invoice lines.",
    ),
    8: Fact(
        "Account code '215' has been archived, or has been deleted. Each line item must reference a valid account.",
        "Somebody archived or deleted the account after it was chosen in the mapping.",
    ),
    9: Fact("Account code or ID must be specified", "No account was given for a line of an approved invoice."),
    10: Fact("Account must be valid.", "The account or tax rate was changed in Xero after it was chosen here."),
    11: Fact(
        "The TaxType code 'INPUT' cannot be used with account code '200'.",
        "Xero allows each tax rate on certain kinds of account only, such as revenue.",
    ),
    12: Fact("The description field is mandatory for each line item.", "A line in HoopAI has no text."),
    13: Fact("Due date cannot be empty.", "Xero approves an invoice only with a due date, and HoopAI gave none."),
    14: Fact(
        "The Total for this document must be greater than or equal to zero.",
        "Discounts or negative lines exceed the rest of the invoice.",
    ),
    15: Fact(
        "The line total 1.00 does not match the expected line total 100.00",
        "Quantity, price and discount make another sum in Xero.",
    ),
    16: Fact("The tax amount cannot be greater than the line amount!", "A line's tax was given larger than the line."),
    17: Fact(
        "Payment amount exceeds the amount outstanding on this document",
        "A payment or credit was entered in Xero by hand, or the invoice is smaller there.",
    ),
    18: Fact(
        "Payments can only be made against Authorised documents",
        "The invoice is a draft in Xero, or was voided or paid there.",
    ),
    19: Fact(
        "Account type is invalid for making a payment to/from",
        "It is no bank account, and payments to it are not enabled in Xero.",
    ),
    20: Fact("Account could not be found", "The payment account was deleted in Xero, or is another organisation's."),
    21: Fact("Document could not be found", "The invoice was deleted in Xero, or belongs to another organisation."),
    22: Fact("Payment not of valid status for modification", "Somebody deleted the payment in Xero before us."),
    23: Fact("Payments within a batch cannot be deleted.", "Your bookkeeper put it into a batch deposit with others."),
    24: Fact("Only Status accepted for updates.", "Xero lets a payment be deleted, but not changed."),
    25: Fact(
        "The status VOIDED cannot be applied to the invoice because it has payments or credit notes allocated to it.",
        "Xero voids nothing that money was received or credit given for.",
    ),
    26: Fact(
        "This document cannot be edited as it has a payment or credit note allocated to it.",
        "Xero changes no amounts of an invoice that money was received for.",
    ),
    27: Fact(
        "To update fields on a paid invoice line item, you must supply a LineItemID",
        "On a paid invoice Xero wants each line named by its own id.",
    ),
    28: Fact(
        "The document date cannot be before the period lock date, currently set at 30 June 2026.",
        "Your bookkeeper closed the period for everybody but advisers.",
    ),
    29: Fact(
        "The document date cannot be before the end of year lock date, currently set at 30 June 2026",
        "Your bookkeeper closed the year for everybody.",
    ),
    30: Fact(
        "Organisation is not subscribed to currency EUR",
        "The currency was not added in Xero, or the plan has only one.",
    ),
    31: Fact("You have reached the limit of invoices you can approve", "Small Xero plans approve few a month."),
    32: Fact(
        "The contact name Lantern Foods is already assigned to another contact. The contact name must be unique "
        "across all active contacts.",
        "Xero allows each name once among active contacts.",
    ),
    33: Fact(
        "The contact number hoop-1 is already assigned to another contact. The contact number must be unique.",
        "A contact that carries our number was changed or merged in Xero.",
    ),
    34: Fact(
        "The Account Number already exists. Please enter a different Account Number.",
        "Xero allows each account number once.",
    ),
    35: Fact(
        "The specified contact details matched an archived contact. Archived contacts cannot currently be edited via "
        "the API.",
        "Somebody archived the contact in Xero.",
    ),
    36: Fact("Unable to assign an Archived contact.", "Somebody archived the contact in Xero after it was linked."),
    37: Fact(
        "The Contact must contain at least 1 of the following elements to identify the contact: Name, ContactID, "
        "ContactNumber",
        "HoopAI's contact came without a name and a company.",
    ),
    38: Fact("Contact cannot be empty.", "HoopAI's contact came without a name and a company."),
    39: Fact("Email address must be valid", "The address holds letters or signs that Xero does not take."),
    40: Fact(
        "An existing Invoice with the specified InvoiceID could not be found",
        "It was removed there, or the location was connected to another organisation.",
    ),
    41: Fact(
        "The document with the supplied id was not found for this endpoint.",
        "It was removed there, or the location was connected to another organisation.",
    ),
    42: Fact(
        "An existing Credit Note with the specified CreditNoteID could not be found",
        "It was removed there, or the location was connected to another organisation.",
    ),
    43: Fact("Account Code is too long. Maximum of 10 characters allowed", "Codes of accounts have up to ten letters."),
    44: Fact(
        "The User specified does not have the correct permissions to perform this action",
        "Xero gives the portal what the person who connected may do, and that became less.",
    ),
    45: Fact(
        "Idempotency Key: K is used with a different request.",
        "Xero still remembered an earlier request under the same key.",
    ),
    46: Fact("Price List Item with Code 'abc' already exists", "Xero allows each item code once."),
    47: Fact(
        "Error converting value \"NO_TAX\" to type 'Xero.API.Library.LineAmountType'.",
        "A date, number or word was not written the way Xero reads it.",
    ),
    48: Fact(
        "The tracking option 'North' is not an active option of 'Region'.",
        "Your bookkeeper archived or deleted the option or its category after it was chosen here.",
    ),
}  # fmt: skip
