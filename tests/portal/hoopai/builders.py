"""An invoice as HoopAI would tell it, to be bent by each test."""

from typing import Any

LOCATION = "locTestHarbour000001"


def invoice(**changes: Any) -> dict[str, Any]:
    """Two lines, one taxed, ten per cent off; a change to None takes the field out."""
    told: dict[str, Any] = {
        "_id": "66a0000000000000000000f1",
        "status": "partially_paid",
        "liveMode": True,
        "amountPaid": 100,
        "amountDue": 190.5,
        "total": 290.5,
        "altId": LOCATION,
        "altType": "location",
        "name": "Spring campaign",
        "title": "INVOICE",
        "invoiceNumber": "2041",
        "currency": "NZD",
        "contactDetails": {
            "id": "conTest1",
            "name": "Tui Rangi",
            "email": "tui@kauri.example",
            "phoneNo": "+6421000000",
            "companyName": "Kauri Ltd",
            "address": {
                "addressLine1": "1 Bay St",
                "city": "Napier",
                "countryCode": "NZ",
                "postalCode": "4110",
            },
            "additionalEmails": [{"email": "accounts@kauri.example"}],
        },
        "issueDate": "2026-11-02",
        "dueDate": "2026-11-16",
        "discount": {"type": "percentage", "value": 10},
        "invoiceItems": [
            {
                "_id": "l1",
                "productId": "p1",
                "priceId": "q1",
                "name": "Retainer",
                "qty": 1,
                "amount": 200,
                "currency": "NZD",
                "taxes": [{"_id": "tx15", "name": "GST", "rate": 15, "calculation": "exclusive"}],
            },
            {"_id": "l2", "name": "Printing", "qty": 2.5, "amount": 37.2, "currency": "NZD", "taxes": []},
        ],
        "totalSummary": {"subTotal": 293, "discount": 29.3},
        "createdAt": "2026-11-02T01:00:00.000Z",
        "updatedAt": "2026-11-03T02:03:04.567Z",
    }
    told.update(changes)
    return {name: value for name, value in told.items() if value is not None}
